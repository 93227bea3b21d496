// Two connections to the media worker: `pub` sends (we offer), `sub` receives (the worker offers). What breaks is mended step by step:
// ICE restart, a new connection, a new one over relays only, sound without picture.
import { Refusal, type Signal } from "./signal";

export interface Source {
  participant: number;
  kind: "audio" | "camera" | "screen";
}

type Which = "pub" | "sub";

const DISCONNECTED_MS = 2_500;
const BROKEN_MS = 8_000;
const RETRY_MS = [200, 300, 500];

class Leg {
  pc: RTCPeerConnection | null = null;
  attempts = 0;
  timer = 0;
  isBusy = false;
  again: "restart" | "renew" | "negotiate" | null = null;
}

export class Call {
  iceServers: RTCIceServer[] = [];
  private readonly legs: Record<Which, Leg> = { pub: new Leg(), sub: new Leg() };
  private wanted: Source[] = [];
  private sound: MediaStreamTrack | null = null;
  private picture: MediaStreamTrack | null = null;
  private isRunning = false;

  constructor(
    private readonly signal: Signal,
    private readonly onTracks: (tracks: Map<number, MediaStreamTrack[]>) => void,
    private readonly onState: (state: "connected" | "lost" | "away" | "audio_only" | "sending") => void,
  ) {
    const network = (navigator as Navigator & { connection?: EventTarget }).connection;
    network?.addEventListener("change", () => this.restart());
    addEventListener("online", () => this.restart());
  }

  start(sound: MediaStreamTrack | null, picture: MediaStreamTrack | null): void {
    [this.sound, this.picture] = [sound, picture];
    if (this.isRunning) return;
    this.isRunning = true;
    void this.mend("pub", "renew");
  }

  stop(): void {
    this.isRunning = false;
    for (const which of ["pub", "sub"] as const) this.close(which);
  }

  /** The worker is another one, or the room's media were made anew. */
  renew(): void {
    if (!this.isRunning) return;
    this.close("sub");
    this.onTracks(new Map());
    this.legs.pub.attempts = this.legs.sub.attempts = 0;
    void this.mend("pub", "renew");
    if (this.wanted.length) void this.mend("sub", "renew");
  }

  lost(which: Which): void {
    void this.mend(which, "renew");
  }

  want(wanted: Source[]): void {
    const [before, now] = [JSON.stringify(this.wanted), JSON.stringify(wanted)];
    if (before === now) return;
    this.wanted = wanted;
    if (this.isRunning && (wanted.length || this.legs.sub.pc)) void this.mend("sub", this.legs.sub.pc ? "negotiate" : "renew");
  }

  async replace(kind: "audio" | "camera", track: MediaStreamTrack | null): Promise<void> {
    if (kind === "audio") this.sound = track;
    else this.picture = track;
    const media = kind === "audio" ? "audio" : "video";
    const sender = this.legs.pub.pc?.getTransceivers().find((one) => one.receiver.track.kind === media)?.sender;
    await sender?.replaceTrack(track);
  }

  private restart(): void {
    if (!this.isRunning) return;
    for (const which of ["pub", "sub"] as const) if (this.legs[which].pc) void this.mend(which, "restart");
  }

  /** One at a time for each leg; what comes meanwhile is done after it, the strongest remedy once. */
  private async mend(which: Which, how: "restart" | "renew" | "negotiate"): Promise<void> {
    const leg = this.legs[which];
    const strength = { negotiate: 0, restart: 1, renew: 2 };
    if (leg.isBusy) {
      if (leg.again === null || strength[how] > strength[leg.again]) leg.again = how;
      return;
    }
    leg.isBusy = true;
    let tries = 0;
    let next: "restart" | "renew" | "negotiate" | null = how;
    while (next && this.isRunning) {
      leg.again = null;
      try {
        if (next === "renew") await this.make(which);
        if (which === "pub") await this.publish(next);
        else await this.subscribe(next !== "negotiate");
        tries = 0;
        next = leg.again;
      } catch (error) {
        if (error instanceof Refusal && ["session_over", "not_admitted"].includes(error.code)) break;
        if (error instanceof Refusal && error.code === "media_unavailable") this.onState("away");
        await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
        tries += 1;
        next = leg.again === "renew" || !(error instanceof Refusal) || error.code === "media_refused" ? "renew" : next;
      }
    }
    leg.isBusy = false;
  }

  private async make(which: Which): Promise<void> {
    this.close(which);
    const leg = this.legs[which];
    if (leg.attempts > 0 && this.iceServers.length) {   // their passwords end after some minutes
      this.iceServers = (await this.signal.ask("ice")).ice_servers as RTCIceServer[];
    }
    const relayOnly = leg.attempts > 1 && this.iceServers.length > 0;
    const pc = new RTCPeerConnection({
      iceServers: this.iceServers,
      iceTransportPolicy: relayOnly ? "relay" : "all",
      bundlePolicy: "max-bundle",
    });
    leg.pc = pc;
    pc.onconnectionstatechange = () => this.look(which, pc);
    if (which === "sub") return;
    pc.addTransceiver(this.sound ?? "audio", { direction: "sendonly" });
    if (leg.attempts > 2 && this.picture) {
      this.onState("audio_only");
      return;
    }
    if (this.picture) this.picture.contentHint = "motion";   // a face, and hands that sign
    const camera = pc.addTransceiver(this.picture ?? "video", { direction: "sendonly" });
    const parameters = camera.sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string };
    parameters.degradationPreference = "maintain-resolution";
    await camera.sender.setParameters(parameters).catch(() => undefined);   // not every browser knows it
  }

  private async publish(how: "restart" | "renew" | "negotiate"): Promise<void> {
    const pc = this.legs.pub.pc;
    if (!pc) return this.make("pub").then(() => this.publish("renew"));
    if (how === "restart") pc.restartIce();
    await pc.setLocalDescription(await pc.createOffer());
    const mids: Record<string, string> = {};
    for (const one of pc.getTransceivers()) mids[one.mid as string] = one.receiver.track.kind === "audio" ? "audio" : "camera";
    const offer = { pc: "pub", epoch: this.signal.epoch, sdp: pc.localDescription?.sdp, mids };
    const reply = await this.signal.ask("offer", offer);
    if (this.legs.pub.pc !== pc) return;
    await pc.setRemoteDescription({ type: "answer", sdp: reply.sdp as string });
    this.onState("sending");
  }

  private async subscribe(restart: boolean): Promise<void> {
    if (!this.legs.sub.pc) await this.make("sub");
    const pc = this.legs.sub.pc as RTCPeerConnection;
    const epoch = this.signal.epoch;
    const offer = await this.signal.ask("subscribe", { epoch, wanted: this.wanted, restart });
    if (this.legs.sub.pc !== pc) return;
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp as string });
    await pc.setLocalDescription(await pc.createAnswer());
    await this.signal.ask("answer", { pc: "sub", epoch, sdp: pc.localDescription?.sdp });
    const tracks = new Map<number, MediaStreamTrack[]>();
    for (const [mid, source] of Object.entries(offer.mids as Record<string, Source>)) {
      const track = pc.getTransceivers().find((one) => one.mid === mid)?.receiver.track;
      if (track) tracks.set(source.participant, [...(tracks.get(source.participant) ?? []), track]);
    }
    this.onTracks(tracks);
  }

  private look(which: Which, pc: RTCPeerConnection): void {
    const leg = this.legs[which];
    if (leg.pc !== pc) return;
    clearTimeout(leg.timer);
    if (pc.connectionState === "connected") {
      leg.attempts = 0;
      if (this.areConnected()) this.onState("connected");
    } else if (pc.connectionState === "disconnected") {
      this.onState("lost");
      leg.timer = setTimeout(() => {
        void this.mend(which, "restart");
        leg.timer = setTimeout(() => this.giveUp(which, pc), BROKEN_MS - DISCONNECTED_MS);
      }, DISCONNECTED_MS);
    } else if (pc.connectionState === "failed") {
      this.onState("lost");
      this.giveUp(which, pc);
    } else if (pc.connectionState === "connecting") {
      leg.timer = setTimeout(() => this.giveUp(which, pc), BROKEN_MS);
    }
  }

  private areConnected(): boolean {
    const { pub, sub } = this.legs;
    return pub.pc?.connectionState === "connected" && (!this.wanted.length || sub.pc?.connectionState === "connected");
  }

  private giveUp(which: Which, pc: RTCPeerConnection): void {
    const leg = this.legs[which];
    if (leg.pc !== pc || pc.connectionState === "connected") return;
    leg.attempts += 1;
    void this.mend(which, "renew");
  }

  private close(which: Which): void {
    const leg = this.legs[which];
    clearTimeout(leg.timer);
    if (leg.pc) {
      leg.pc.onconnectionstatechange = null;
      leg.pc.close();
    }
    leg.pc = null;
  }
}
