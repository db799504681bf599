// What an isolate of workerd keeps alive, asked of V8's inspector.

/** Bytes in use, garbage that V8 has not collected included. */
interface Usage {
  usedSize: number;
  embedderHeapUsedSize: number;
  backingStorageSize: number;
}

interface Answer {
  id?: number;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** A connection to the inspector of the first isolate, which raw workerd runs our Worker and all its objects in. */
export class Heap {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async open(port: number): Promise<Heap> {
    const listed = await fetch(`http://127.0.0.1:${port}/json`);
    const [first] = (await listed.json()) as { webSocketDebuggerUrl: string }[];
    if (first === undefined) throw new Error("workerd lists no isolate");
    const socket = new WebSocket(first.webSocketDebuggerUrl);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve(), { once: true });
      socket.addEventListener("error", () => reject(new Error("the inspector takes nobody")), { once: true });
    });
    return new Heap(socket);
  }

  async #call<T>(method: string, params: Record<string, unknown> = {}): Promise<T> {
    this.#calls += 1;
    const id = this.#calls;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as T;
  }

  /** Bytes that are alive: of the heap, of the runtime's own objects, and of buffers. Wasm memory is none of them. */
  async live(): Promise<number> {
    await this.#call("HeapProfiler.collectGarbage");
    const usage = await this.#call<Usage>("Runtime.getHeapUsage");
    return usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize;
  }

  close(): void {
    this.#socket.close();
  }
}
