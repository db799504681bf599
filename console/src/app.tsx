// The frame: navigation on the left, the place on the right; on a phone one of them.

import { useEffect } from "preact/hooks";
import { ConversationView } from "./conversation/view.tsx";
import { EndpointList } from "./endpoints/list.tsx";
import { EndpointView } from "./endpoints/view.tsx";
import { AgentView } from "./network/agent.tsx";
import { EventsView } from "./network/events.tsx";
import { Home } from "./network/home.tsx";
import { Navigation } from "./network/navigation.tsx";
import { SearchView } from "./network/search.tsx";
import { access, accessProblem, enter } from "./network/state.ts";
import { address, go, menuOpen, type Place, place } from "./router.ts";
import { SignIn } from "./sign-in.tsx";
import { Icon } from "./ui/icon.tsx";
import { Empty, Trouble, Waiting } from "./ui/states.tsx";

const ofEndpoints = ({ page }: Place) => page === "endpoints" || page === "endpoint";

/** Which part of the network an address shows. */
function NetworkPlace({ at }: { at: Place }) {
  switch (access.value) {
    case "unknown":
      return <Waiting what="the network" />;
    case "failed":
      return (
        <Trouble
          title="The network does not answer"
          words={accessProblem.value}
          onRetry={() => void enter()}
        />
      );
    case "out":
      return <SignIn />;
  }
  switch (at.page) {
    case "room":
      return <ConversationView kind="room" id={at.id} thread={at.thread} at={at.at} key={`room:${at.id}`} />;
    case "dm":
      return <ConversationView kind="dm" id={at.id} at={at.at} key={`dm:${at.id}`} />;
    case "agent":
      return <AgentView id={at.id} />;
    case "events":
      return <EventsView />;
    case "search":
      return <SearchView words={at.words} room={at.room} />;
    case "nowhere":
      return (
        <Empty whole icon="link" title="There is nothing at this address">
          <p>
            <a href={address({ page: "home" })}>Go to the start</a>
          </p>
        </Empty>
      );
    default:
      return <Home />;
  }
}

function Main({ at }: { at: Place }) {
  if (at.page === "endpoints") {
    return <EndpointList />;
  }
  return at.page === "endpoint" ? <EndpointView id={at.id} tab={at.tab} /> : <NetworkPlace at={at} />;
}

/** `/` opens the search, Escape shuts the navigation. */
function onKey(event: KeyboardEvent): void {
  const typing = (event.target as Element | null)?.closest?.("input, textarea, select, dialog");
  if (event.key === "Escape") {
    menuOpen.value = false;
  } else if (event.key === "/" && !typing && !event.metaKey && !event.ctrlKey && !event.altKey) {
    event.preventDefault();
    go({ page: "search", words: "", room: "" });
  }
}

export function App() {
  const at = place.value;
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const signedOut = access.value === "out" && !ofEndpoints(at);
  return (
    <div class="app" data-menu={menuOpen.value ? "open" : "shut"}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <button
        type="button"
        class="quiet menu"
        aria-expanded={menuOpen.value}
        aria-controls="navigation"
        onClick={() => {
          menuOpen.value = !menuOpen.value;
        }}
      >
        <Icon name={menuOpen.value ? "close" : "menu"} />
        <span class="sr">Navigation</span>
      </button>
      <Navigation endpoints={ofEndpoints(at)} bare={signedOut} />
      <main id="main" tabIndex={-1}>
        <Main at={at} />
      </main>
    </div>
  );
}
