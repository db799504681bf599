// The console: one page, from which a person follows a network and runs agents.

import { render } from "preact";
import { App } from "./app.tsx";
import { enterSurfaces } from "./entry.ts";
import { follow } from "./router.ts";
import { prepare } from "./ui/time.ts";
import "./theme.ts";
import "./styles/main.css";

const root = document.getElementById("console");
if (root !== null) {
  // Each in a task of its own, so that what the reader does in between is answered: first what is asked of the server.
  follow();
  enterSurfaces();
  setTimeout(() => {
    render(<App />, root);
    setTimeout(prepare);
  });
}
