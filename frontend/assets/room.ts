// The page of a video call: device check, waiting room, call, end. The words come from the server, in the reader's language.
import { Call, type Source } from "./room/call";
import { Devices, type Trouble } from "./room/devices";
import { People, type Participant } from "./room/people";
import { Refusal, Signal, type Incoming } from "./room/signal";

const root = document.querySelector<HTMLElement>("[data-room]");
if (root) begin(root);

const early = document.querySelector<HTMLElement>("[data-opens-in]");
if (early) setTimeout(() => location.reload(), Math.min(Number(early.dataset.opensIn) * 1000 + 1000, 2 ** 31 - 1));

type Way = "come-back" | "continue" | "new" | "none";
const ways: Record<string, Way> = { seat_taken: "continue", room_over: "new", unauthenticated: "none" };

function begin(root: HTMLElement): void {
  const texts = JSON.parse(root.dataset.texts ?? "{}") as Record<string, string>;
  const one = <E extends HTMLElement>(name: string) => root.querySelector(`[data-${name}]`) as E;
  const say = (name: string, who = "") => (texts[name] ?? name).replace("{who}", who).replace("{n}", who);
  const state = (name: string) => {
    const shown = texts[name] ?? name;
    if (one("state").textContent !== shown) one("state").textContent = shown;
    one("state").dataset.is = name;
  };
  const announce = (words: string) => (one("say").textContent = words);

  const devices = new Devices();
  const people = new People(one("others"), one("lobby"), say, (type, participant) => void ask(type, { participant }));
  let me = 0;
  let role = "";
  let where = "";   // waiting, admitted
  let isCalled = false;
  let dismissedByUs = false;
  let isMuted = false;
  let isCameraOff = false;
  let isNew = true;   // nothing was told to this page yet

  const signal = new Signal(
    root.dataset.socket as string,
    root.dataset.room as string,
    document.documentElement.lang,
    hear,
    () => state("lost"),
    (code, text) => over(text, ways[code] ?? "come-back"),
  );
  const call = new Call(
    signal,
    (tracks) => people.play(tracks),
    (media) => {
      if (media === "sending") void tellMutes();
      else if (media === "connected") showState();
      else state({ lost: "media_lost", away: "media_away", audio_only: "audio_only" }[media]);
    },
  );

  function part(name: string): void {
    for (const section of root.querySelectorAll<HTMLElement>("[data-part]")) {
      section.hidden = section.dataset.part !== name && !(section.dataset.part === "lobby" && name === "call" && role === "clerk");
    }
    root.querySelector<HTMLElement>(`[data-part="${name}"] h2`)?.focus();
  }

  // device check

  async function check(again?: () => Promise<void>): Promise<void> {
    part("check");
    state("asking");
    one("trouble").hidden = true;
    try {
      await (again ? again() : devices.open());
    } catch (why) {
      const trouble = (typeof why === "string" ? why : "devices_busy") as Trouble;
      one("trouble").hidden = false;
      one("trouble-text").textContent = say(trouble);
      one("trouble-help").hidden = trouble !== "refused";
      one<HTMLButtonElement>("enter").disabled = true;
      one("state").textContent = "";   // the alert says it
      one("state").dataset.is = trouble;
      return;
    }
    showPicture("preview");
    devices.listen((level) => (one<HTMLProgressElement>("level").value = level));
    await offerChoice();
    one<HTMLButtonElement>("enter").disabled = false;
    state(devices.picture ? "ready" : "only_sound");
  }

  async function offerChoice(): Promise<void> {
    const found = await devices.list();
    for (const kind of ["camera", "microphone"] as const) {
      const box = root.querySelector<HTMLElement>(`[data-choice="${kind}"]`) as HTMLElement;
      const select = box.querySelector("select") as HTMLSelectElement;
      box.hidden = found[kind].length < 2;
      select.replaceChildren(
        ...found[kind].map((device, n) => new Option(device.label || say("device", String(n + 1)), device.id, false, device.isChosen)),
      );
      select.onchange = () => void check(() => devices.choose(kind, select.value));
    }
  }

  // what the server tells

  function hear(message: Incoming): void {
    switch (message.type) {
      case "welcome":
        me = message.participant as number;
        role = message.role as string;
        call.iceServers = message.ice_servers as RTCIceServer[];
        if (message.is_resumed) showState();
        break;
      case "snapshot":
        people.all.clear();
        if (isNew) keepMutes((message.participants as Participant[]).find((one) => one.participant === me)?.muted ?? []);
        isCalled = message.is_called === true;
        change(message.state as string, message.participants as Participant[], []);
        if (!isNew && where === "admitted") void tellMutes();   // what was pressed without a connection may not have arrived
        isNew = false;
        break;
      case "delta":
        isCalled = message.is_called === true;
        change(message.state as string, message.changed as Participant[], message.gone as number[]);
        break;
      case "reconnect":
        state("media_lost");
        call.renew();
        break;
      case "peer_lost":
        call.lost(message.pc as "pub" | "sub");
        break;
      case "ended":
        over(say("ended"), "none");
        break;
      case "left":
        over(say(dismissedByUs ? "left" : "dismissed"), "come-back");
        break;
    }
  }

  function change(now: string, changed: Participant[], gone: number[]): void {
    const before = new Map(people.all);
    people.change(changed, gone);
    if (now !== where) {
      where = now;
      part(where === "admitted" ? "call" : "waiting");
      one("end").hidden = role !== "clerk";
    }
    people.show(me);
    tellAbout(before);
    showState();
    if (where !== "admitted") return;
    const wanted: Source[] = people
      .inCall(me)
      .flatMap((other) => other.sends.map((kind) => ({ participant: other.participant, kind: kind as Source["kind"] })));
    call.start(devices.sound, devices.picture);
    call.want(wanted);
  }

  function tellAbout(before: Map<number, Participant>): void {
    for (const other of people.all.values()) {
      const old = before.get(other.participant);
      if (other.participant === me) continue;
      if (other.state === "waiting" && old?.state !== "waiting") announce(say("waits", say(other.role)));
      if (other.state === "admitted" && old?.state !== "admitted" && where === "admitted") announce(say("came", say(other.role)));
      if (old?.is_present && !other.is_present) announce(say("other_gone"));
    }
    for (const old of before.values()) {
      if (!people.all.has(old.participant) && old.state === "admitted") announce(say("went", say(old.role)));
    }
  }

  function showState(): void {
    const others = people.inCall(me);
    if (where === "waiting") state(isCalled ? "waiting_called" : others.length ? "waiting_staff" : "waiting_alone");
    else if (where === "admitted") state(others.length ? "connected" : "in_call_alone");
  }

  function over(words: string, way: Way): void {
    call.stop();
    signal.stop();
    if (way !== "continue") devices.close();
    one("over").textContent = words;
    announce("");   // nobody is told of the call once more
    for (const link of root.querySelectorAll<HTMLElement>("[data-way]")) link.hidden = link.dataset.way !== way;
    one("state").textContent = "";
    part("over");
  }

  // what is pressed

  async function ask(type: string, members: object = {}): Promise<boolean> {
    try {
      await signal.ask(type, members);
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.message) announce(error.message);
      return false;
    }
  }

  function showControls(): void {
    const label = (name: string) => one(name).querySelector(".kern-label") as HTMLElement;
    label("mute").textContent = say(isMuted ? "unmute" : "mute");
    label("camera").textContent = say(isCameraOff ? "camera_start" : "camera_stop");
    const isOff = isCameraOff || !devices.picture;
    one("own-tile").dataset.is = isOff ? "off" : "on";
    one("own-name").textContent = [say("you"), ...(isMuted ? [say("is_muted")] : []), ...(isOff ? [say("is_off")] : [])].join(" · ");
  }

  /** The page was loaded anew: who was not heard or seen before is not now, and the buttons say so. */
  function keepMutes(muted: string[]): void {
    isMuted = muted.includes("audio");
    if (devices.sound) devices.sound.enabled = !isMuted;
    if (muted.includes("camera")) {
      isCameraOff = true;
      void devices.switchCamera(false);
    }
    showOwn();
    showControls();
    if (muted.length) announce([...(isMuted ? ["muted"] : []), ...(isCameraOff ? ["camera_off"] : [])].map((name) => say(name)).join(" "));
  }

  /** What the others are told is what our buttons say, in both directions. */
  async function tellMutes(): Promise<void> {
    const told = people.all.get(me)?.muted ?? [];
    const isOff = isCameraOff || !devices.picture;
    if (isMuted !== told.includes("audio")) await ask("mute", { epoch: signal.epoch, muted: isMuted });
    if (isOff !== told.includes("camera")) await ask("camera", { epoch: signal.epoch, off: isOff });
  }

  async function mute(): Promise<void> {
    isMuted = !isMuted;
    if (devices.sound) devices.sound.enabled = !isMuted;
    showControls();
    announce(say(isMuted ? "muted" : "unmuted"));
    await ask("mute", { epoch: signal.epoch, muted: isMuted });
  }

  async function camera(): Promise<void> {
    isCameraOff = !isCameraOff;
    try {
      await devices.switchCamera(!isCameraOff);
    } catch {
      isCameraOff = true;
    }
    await call.replace("camera", devices.picture);
    showOwn();
    showControls();
    announce(say(isCameraOff ? "camera_off" : "camera_on"));
    await ask("camera", { epoch: signal.epoch, off: isCameraOff });
  }

  function showOwn(): void {
    showPicture("own");
    showPicture("own-waiting");
  }

  function showPicture(name: string): void {
    const video = one<HTMLVideoElement>(name);
    video.srcObject = devices.picture ? new MediaStream([devices.picture]) : null;
    if (video.srcObject) void video.play().catch(() => undefined);
  }

  one("again").onclick = () => void check();
  one("enter").onclick = () => {
    devices.stopListening();
    isCameraOff = !devices.picture;
    showOwn();
    showControls();
    state("connecting");
    one<HTMLButtonElement>("enter").disabled = true;
    signal.open();
  };
  one("mute").onclick = () => void mute();
  one("camera").onclick = () => void camera();
  for (const button of root.querySelectorAll<HTMLElement>("[data-leave]")) {
    button.onclick = () => {
      dismissedByUs = true;
      void ask("leave");
    };
  }
  one("end").onclick = () => {
    one("end-question").hidden = false;
    root.querySelector<HTMLElement>("#end-question")?.focus();
  };
  one("end-no").onclick = () => {
    one("end-question").hidden = true;
    one("end").focus();
  };
  one("end-yes").onclick = () => void ask("end");
  one("come-back").onclick = () => location.reload();
  one("continue").onclick = () => {
    state("connecting");
    signal.takeOver();
  };

  document.querySelector<HTMLElement>("[data-without]")?.remove();
  root.hidden = false;
  void check();
}
