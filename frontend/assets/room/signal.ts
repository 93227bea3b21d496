// The socket of a call: numbered messages, acknowledged; where it is lost, it comes back and both sides go on where they were.

export interface Incoming {
  type: string;
  seq: number | null;
  epoch: number | null;
  re?: number;
  [member: string]: unknown;
}

export class Refusal extends Error {
  constructor(readonly code: string, text: string) {
    super(text);
  }
}

interface Waiting {
  text: string;
  done: (reply: Incoming) => void;
  failed: (why: Refusal) => void;
}

const PING_MS = 8_000;
const SILENT_MS = 20_000;
const LONGEST_PAUSE_MS = 8_000;
const REFUSED = [4403, 4409, 1008];   // coming back by itself would not help

export class Signal {
  epoch = 1;
  private socket: WebSocket | null = null;
  private nextId = 1;
  private lastSeq = 0;
  private resume: string;
  private pause = 500;
  private heardAt = 0;
  private isOver = false;
  private takesOver = false;
  private ackTimer = 0;
  private retryTimer = 0;
  private readonly waiting = new Map<number, Waiting>();
  private readonly memory: string;

  constructor(
    private readonly path: string,
    private readonly room: string,
    private readonly language: string,
    private readonly onMessage: (message: Incoming) => void,
    private readonly onLost: () => void,
    private readonly onRefused: (code: string, text: string) => void,
  ) {
    this.memory = `room-${room}`;
    this.resume = sessionStorage.getItem(this.memory) ?? "";   // the same window, loaded anew, keeps its seat
    setInterval(() => this.look(), PING_MS);
    addEventListener("online", () => this.hurry());
  }

  open(): void {
    clearTimeout(this.retryTimer);
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.path}`);
    this.socket = socket;
    this.heardAt = Date.now();
    let refused: Incoming | null = null;
    socket.onopen = () => {
      const hello = {
        resume: this.resume, last_seq: this.lastSeq, language: this.language,
        ...(this.takesOver ? { takes_over: true } : {}),   // a server of the former release does not know it
      };
      socket.send(this.write("hello", hello));
    };
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      const message = JSON.parse(event.data as string) as Incoming;
      this.heardAt = Date.now();
      if (message.type === "error" && message.seq === null) refused = message;
      else this.hear(message);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (this.isOver) return;
      if (refused && REFUSED.includes(event.code)) {
        this.stop();
        this.onRefused(String(refused.code), String(refused.text));
        return;
      }
      this.onLost();
      this.retryTimer = setTimeout(() => this.open(), this.pause * (0.5 + Math.random()));
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    };
  }

  /** After a refusal, on purpose: the seat that another window has. */
  takeOver(): void {
    this.isOver = false;
    this.takesOver = true;
    this.open();
  }

  /** Resolves with the reply; rejects with a Refusal, of code "lost" where the stream was begun anew in between. */
  ask(type: string, members: object = {}): Promise<Incoming> {
    return new Promise((done, failed) => {
      const id = this.nextId;
      const text = this.write(type, members);
      this.waiting.set(id, { text, done, failed });
      this.send(text);
    });
  }

  tell(type: string, members: object = {}): void {
    this.send(this.write(type, members));
  }

  stop(): void {
    this.isOver = true;
    this.forget();
    this.socket?.close(1000);
  }

  forget(): void {
    sessionStorage.removeItem(this.memory);
    this.resume = "";
  }

  private hear(message: Incoming): void {
    if (message.type === "welcome") {
      this.resume = String(message.resume);
      sessionStorage.setItem(this.memory, this.resume);
      this.pause = 500;
      this.takesOver = false;
      if (message.is_resumed) {
        for (const { text } of this.waiting.values()) this.send(text);
      } else {
        this.lastSeq = 0;
        const lost = [...this.waiting.values()];
        this.waiting.clear();
        for (const { failed } of lost) failed(new Refusal("lost", ""));
      }
    }
    if (message.seq !== null && message.seq !== undefined) {
      if (message.seq <= this.lastSeq) return;
      this.lastSeq = message.seq;
      if (!this.ackTimer) this.ackTimer = setTimeout(() => this.acknowledge(), 1000);
    }
    if (message.epoch) this.epoch = message.epoch;
    const asked = message.re === undefined ? undefined : this.waiting.get(message.re);
    if (asked) {
      this.waiting.delete(message.re as number);
      if (message.type === "error") asked.failed(new Refusal(String(message.code), String(message.text)));
      else asked.done(message);
    } else if (message.type !== "pong") {
      this.onMessage(message);
    }
  }

  private acknowledge(): void {
    this.ackTimer = 0;
    this.tell("ack", { seq: this.lastSeq });
  }

  private look(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.heardAt > SILENT_MS) {
      const silent = this.socket;   // close() would wait for an answer that does not come
      silent.close();
      silent.onclose?.(new CloseEvent("close", { code: 4000 }));
      return;
    }
    this.tell("ping");
  }

  private hurry(): void {
    if (this.isOver || this.socket) return;
    this.open();
  }

  private write(type: string, members: object): string {
    return JSON.stringify({ v: 1, id: this.nextId++, type, room: this.room, ...members });
  }

  private send(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }
}
