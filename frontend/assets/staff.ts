// What the staff's pages run.
import "./forms";
