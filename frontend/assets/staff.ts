// What the staff's pages and the board run.
import "./forms";
import "./live";
