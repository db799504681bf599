// The console: one page, from which a person follows a network and runs agents.

import { render } from "preact";
import { App } from "./app.tsx";
import { enterSurfaces } from "./entry.ts";
import { follow } from "./router.ts";
import "./theme.ts";
import "./styles/main.css";

const root = document.getElementById("console");
if (root !== null) {
  follow();
  enterSurfaces();
  render(<App />, root);
}
