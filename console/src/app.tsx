// The frame: navigation on the left, the place on the right; on a phone one of them.

import { useEffect, useRef } from "preact/hooks";
import { DmView } from "./conversation/dm.tsx";
import { RoomView } from "./conversation/room.tsx";
import { EndpointList } from "./endpoints/list.tsx";
import { account, endpoints } from "./endpoints/state.ts";
import { EndpointView } from "./endpoints/view.tsx";
import { AgentView } from "./network/agent.tsx";
import { EventsView } from "./network/events.tsx";
import { Home } from "./network/home.tsx";
import { MentionsView } from "./network/mentions.tsx";
import { dmName } from "./network/names.ts";
import { Navigation } from "./network/navigation.tsx";
import { SearchView } from "./network/search.tsx";
import { access, accessProblem, directory, enter, network } from "./network/state.ts";
import { callCount, unreadCount } from "./network/unread.ts";
import { address, menuOpen, type Place, place } from "./router.ts";
import { SignIn } from "./sign-in.tsx";
import { Icon } from "./ui/icon.tsx";
import { KeyList, onKey } from "./ui/keys.tsx";
import { LineNotice } from "./ui/line-notice.tsx";
import { Empty, Trouble, Waiting } from "./ui/states.tsx";
import { Switcher } from "./ui/switcher.tsx";

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
      return <RoomView place={at} key={`room:${at.id}`} />;
    case "dm":
      return <DmView place={at} key={`dm:${at.id}`} />;
    case "agent":
      return <AgentView id={at.id} />;
    case "events":
      return <EventsView />;
    case "mentions":
      return <MentionsView />;
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

/** How a place is called in the title of the window. */
function title(at: Place): string {
  const { rooms, dms, agents } = directory.value;
  switch (at.page) {
    case "room":
      return rooms.get(at.id)?.name ?? "";
    case "dm": {
      const dm = dms.get(at.id);
      return dm === undefined ? "" : dmName(dm);
    }
    case "agent":
      return agents.get(at.id)?.name ?? at.id;
    case "endpoint":
      return endpoints.value?.get(at.id)?.name ?? "";
    case "endpoints":
    case "events":
    case "mentions":
    case "search":
      return at.page[0]?.toUpperCase() + at.page.slice(1);
    default:
      return "";
  }
}

/** What is unread goes first: it is what shows of a window in a row of them. */
function useTitle(at: Place): void {
  const calls = [...callCount.value.values()].reduce((all, one) => all + one, 0);
  const unread = calls > 0 ? `(@${String(calls)}) ` : unreadCount.value.size > 0 ? "• " : "";
  const name = ofEndpoints(at) ? account.value : (network.value?.name ?? "");
  const parts = [title(at), name, "MoltGhost"].filter((part) => part !== "");
  const whole = unread + parts.join(" · ");
  useEffect(() => {
    document.title = whole;
  }, [whole]);
}

/** On another page the focus goes to it, so that the next key is meant for what is seen. */
function useFocus(at: Place): void {
  const where = `${at.page} ${"id" in at ? at.id : ""}`;
  const first = useRef(true);
  useEffect(() => {
    const inside = document.activeElement?.closest("main, dialog") ?? null;
    if (!first.current && inside === null) {
      document.getElementById("main")?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [where]);
}

export function App() {
  const at = place.value;
  useTitle(at);
  useFocus(at);
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
        <LineNotice endpoints={ofEndpoints(at)} />
        <Main at={at} />
      </main>
      <Switcher />
      <KeyList />
    </div>
  );
}
