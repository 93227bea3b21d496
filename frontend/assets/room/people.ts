// Who is there: tiles of those in the call, and the list of those who wait (which only the office gets).

export interface Participant {
  participant: number;
  role: string;
  state: string;
  is_present: boolean;
  sends: string[];
  muted: string[];
}

type Say = (name: string, who?: string) => string;

export class People {
  readonly all = new Map<number, Participant>();
  private readonly tiles = new Map<number, HTMLElement>();

  constructor(
    private readonly others: HTMLElement,
    private readonly lobby: HTMLElement,
    private readonly say: Say,
    private readonly ask: (type: "admit" | "dismiss", participant: number) => void,
  ) {}

  change(changed: Participant[], gone: number[]): void {
    for (const one of changed) this.all.set(one.participant, one);
    for (const number of gone) this.all.delete(number);
  }

  inCall(me: number): Participant[] {
    return [...this.all.values()].filter((one) => one.participant !== me && one.state === "admitted");
  }

  show(me: number): void {
    const present = this.inCall(me);
    for (const [number, tile] of this.tiles) {
      if (present.some((one) => one.participant === number)) continue;
      tile.remove();
      this.tiles.delete(number);
    }
    for (const one of present) {
      const tile = this.tile(one.participant);
      const name = tile.querySelector<HTMLElement>(".tile__name");
      tile.dataset.is = one.muted.includes("camera") ? "off" : "on";   // else the last picture would stay
      const notes = [
        this.say(one.role),
        ...(one.muted.includes("audio") ? [this.say("is_muted")] : []),
        ...(one.muted.includes("camera") ? [this.say("is_off")] : []),
        ...(one.is_present ? [] : [this.say("is_away")]),
      ];
      if (name) name.textContent = notes.join(" · ");
    }
    this.showLobby([...this.all.values()].filter((one) => one.participant !== me && one.state === "waiting"));
  }

  play(tracks: Map<number, MediaStreamTrack[]>): void {
    for (const [number, tile] of this.tiles) if (!tracks.has(number)) video(tile).srcObject = null;
    for (const [number, list] of tracks) {
      const element = video(this.tile(number));
      const before = (element.srcObject as MediaStream | null)?.getTracks() ?? [];
      if (before.length === list.length && before.every((track) => list.includes(track))) continue;
      element.srcObject = new MediaStream(list);
      void element.play().catch(() => undefined);   // a browser may ask for a click first; there was one
    }
  }

  private tile(number: number): HTMLElement {
    const known = this.tiles.get(number);
    if (known) return known;
    const tile = document.createElement("div");
    tile.className = "tile";
    const picture = document.createElement("video");
    picture.autoplay = picture.playsInline = true;
    const name = document.createElement("p");
    name.className = "tile__name";
    const sign = document.createElement("span");
    sign.className = "tile__sign kern-icon kern-icon--account-circle";
    sign.setAttribute("aria-hidden", "true");   // the name says it
    tile.append(picture, sign, name);
    this.others.append(tile);
    this.tiles.set(number, tile);
    return tile;
  }

  private showLobby(waiting: Participant[]): void {
    const key = JSON.stringify(waiting.map((one) => [one.participant, one.is_present]));
    if (this.lobby.dataset.key === key) return;   // a button under the finger stays
    this.lobby.dataset.key = key;
    this.lobby.replaceChildren(...(waiting.length ? waiting.map((one) => this.row(one)) : [text(this.say("nobody_waits"))]));
  }

  private row(one: Participant): HTMLElement {
    const row = document.createElement("li");
    const who = `${this.say(one.role)} ${one.participant}`;
    row.className = "lobby";
    const name = document.createElement("span");
    name.textContent = one.is_present ? who : `${who} · ${this.say("is_away")}`;
    const buttons = document.createElement("div");
    buttons.className = "buttons";
    for (const type of ["admit", "dismiss"] as const) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `kern-btn kern-btn--${type === "admit" ? "primary" : "tertiary"}`;
      button.setAttribute("aria-label", this.say(`${type}_who`, who));
      button.dataset[type] = String(one.participant);
      const label = document.createElement("span");
      label.className = "kern-label";
      label.textContent = this.say(type);
      button.append(label);
      button.onclick = () => this.ask(type, one.participant);
      buttons.append(button);
    }
    row.append(name, buttons);
    return row;
  }
}

function text(words: string): HTMLElement {
  const row = document.createElement("li");
  row.textContent = words;
  return row;
}

function video(tile: HTMLElement): HTMLVideoElement {
  return tile.querySelector("video") as HTMLVideoElement;
}
