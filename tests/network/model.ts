// What a network is, as plain maps: random operations must give the same state on a server as here.
//
// Invariant: each operation changes the model exactly if the server must accept it, and returns the status that is due.

/** A room of the model. */
export interface ModelRoom {
  name: string;
  members: Set<string>;
  visibility: string;
  removed: boolean;
  messages: string[];
  /** What was said in the room and in its threads, in order. */
  all: string[];
}

interface ModelThread {
  room: string;
  messages: string[];
}

interface ModelDm {
  participants: Set<string>;
  messages: string[];
}

/** The whole network. */
export class Model {
  readonly rooms = new Map<string, ModelRoom>();
  readonly threads = new Map<string, ModelThread>();
  readonly dms = new Map<string, ModelDm>();
  readonly agents = new Set<string>();

  /** A room that is there. */
  room(id: string): ModelRoom | undefined {
    const room = this.rooms.get(id);
    return room?.removed === true ? undefined : room;
  }

  createRoom(id: string, members: string[]): number {
    if (this.rooms.has(id)) {
      return 409;
    }
    const settings = { name: id, visibility: "private", removed: false };
    this.rooms.set(id, { ...settings, members: new Set(members), messages: [], all: [] });
    return 201;
  }

  /** `apply` of one room that was not removed. */
  applyRoom(id: string, name: string, members: string[]): number {
    const { messages, all } = this.rooms.get(id) ?? { messages: [], all: [] };
    const settings = { name, visibility: "public", removed: false };
    this.rooms.set(id, { ...settings, members: new Set(members), messages, all });
    return 200;
  }

  changeMembers(id: string, add: string[], remove: string[]): number {
    const room = this.room(id);
    for (const member of add) {
      room?.members.add(member);
    }
    for (const member of remove) {
      room?.members.delete(member);
    }
    return room === undefined ? 404 : 200;
  }

  removeRoom(id: string): number {
    const room = this.room(id);
    if (room !== undefined) {
      room.removed = true;
    }
    return room === undefined ? 404 : 200;
  }

  postToRoom(id: string, message: string): number {
    const room = this.room(id);
    return room === undefined ? 404 : Model.#append(message, room.messages, room.all);
  }

  postToThread(id: string, room: string, message: string): number {
    const within = this.room(room);
    if (within === undefined) {
      return 404;
    }
    const thread = this.threads.get(id) ?? { room, messages: [] };
    this.threads.set(id, thread);
    return Model.#append(message, thread.messages, within.all);
  }

  postToDm(id: string, participants: string[], message: string): number {
    const dm = this.dms.get(id) ?? { participants: new Set(participants), messages: [] };
    this.dms.set(id, dm);
    return Model.#append(message, dm.messages);
  }

  register(id: string): number {
    const known = this.agents.has(id);
    this.agents.add(id);
    return known ? 200 : 201;
  }

  removeAgent(id: string): number {
    const rooms = this.roomsOf(id);
    const known = this.agents.delete(id) || rooms.length > 0;
    for (const room of rooms) {
      this.room(room)?.members.delete(id);
    }
    return known ? 200 : 404;
  }

  /** Ids of the rooms that have this member, sorted. */
  roomsOf(member: string): string[] {
    const found = [...this.rooms].filter(([, room]) => !room.removed && room.members.has(member));
    return found.map(([id]) => id).sort();
  }

  static #append(message: string, ...lists: string[][]): number {
    // A message that is there already is acknowledged again, and stays where it is.
    for (const list of lists) {
      if (!list.includes(message)) {
        list.push(message);
      }
    }
    return 202;
  }
}
