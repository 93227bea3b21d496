// What the citizens' pages run.
import "./forms";
