// The Worker's entry and the classes of its objects, as the runtime sees them: each hands on to the Wasm instance that
// runs, and makes it anew once it has trapped. Takes the place of the wrapper that `worker-build` writes, which makes a
// class instance and three proxies for each call.
//
// Invariant: no object of an instance that is gone is ever called; its rules are made anew over the same storage.

import * as wasm from "./index.js";
import contract from "./openapi.json";

Error.stackTraceLimit = 100;

/** Shared with the start function and the panic hook of the `worker` crate. */
const state = wasm.__worker_init_state();
wasm.describe(contract);

function renew() {
  if (!state.criticalError) return;
  console.log("Reinitializing Wasm application");
  wasm.__wbg_reset_state();
  wasm.describe(contract);
  state.criticalError = false;
  state.instanceId++;
}

function note(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  console.error("Critical", error);
  state.criticalError = true;
}

addEventListener("error", ({ error }) => note(error));

export default {
  fetch(request, env, ctx) {
    renew();
    try {
      return wasm.fetch(request, env, ctx);
    } catch (error) {
      note(error);
      throw error;
    }
  },
};

const EVENTS = ["fetch", "alarm", "webSocketMessage", "webSocketClose", "webSocketError"];

/** The class of an object, of which `Rules` is the Wasm half. */
function object(Rules) {
  class Handed {
    #state;
    #env;
    #rules;
    #instance;

    static {
      for (const event of EVENTS) {
        if (!(event in Rules.prototype)) continue;
        Handed.prototype[event] = function (...parts) {
          return this.#turn(event, parts);
        };
      }
    }

    constructor(state, env) {
      this.#state = state;
      this.#env = env;
      this.#renew();
    }

    #renew() {
      renew();
      if (this.#instance === state.instanceId) return;
      try {
        this.#rules = new Rules(this.#state, this.#env);
      } catch (error) {
        state.criticalError = true;
        throw error;
      }
      this.#instance = state.instanceId;
    }

    #turn(event, parts) {
      this.#renew();
      try {
        return this.#rules[event](...parts);
      } catch (error) {
        note(error);
        throw error;
      }
    }
  }
  return Handed;
}

export const Account = object(wasm.Account);
export const Agent = object(wasm.Agent);
export const Hub = object(wasm.Hub);
export const Network = object(wasm.Network);
export const Room = object(wasm.Room);
