// Camera and microphone: asked for, chosen, tried out.

export type Trouble = "refused" | "no_devices" | "devices_busy";

export class Devices {
  sound: MediaStreamTrack | null = null;
  picture: MediaStreamTrack | null = null;
  private chosen: { camera?: string; microphone?: string } = {};
  private hearing: AudioContext | null = null;
  private meter = 0;

  /** Both if possible, else the microphone alone. Rejects with a Trouble. */
  async open(): Promise<void> {
    this.close();
    const audio = { echoCancellation: true, noiseSuppression: true, ...exactly(this.chosen.microphone) };
    const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, ...exactly(this.chosen.camera) };
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio, video });
    } catch (error) {
      const name = (error as DOMException).name;
      if (name === "NotAllowedError" || name === "SecurityError") throw "refused" satisfies Trouble;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio });
      } catch (second) {
        throw ((second as DOMException).name === "NotFoundError" ? "no_devices" : "devices_busy") satisfies Trouble;
      }
    }
    this.sound = stream.getAudioTracks()[0] ?? null;
    this.picture = stream.getVideoTracks()[0] ?? null;
  }

  choose(kind: "camera" | "microphone", id: string): Promise<void> {
    this.chosen[kind] = id;
    return this.open();
  }

  async list(): Promise<Record<"camera" | "microphone", { id: string; label: string; isChosen: boolean }[]>> {
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (kind: string, track: MediaStreamTrack | null) =>
      all
        .filter((one) => one.kind === kind && one.deviceId)
        .map((one) => ({ id: one.deviceId, label: one.label, isChosen: one.deviceId === track?.getSettings().deviceId }));
    return { camera: of("videoinput", this.picture), microphone: of("audioinput", this.sound) };
  }

  /** How loud it is, 0 to 100, some times a second. */
  listen(onLevel: (level: number) => void): void {
    this.stopListening();
    if (!this.sound) return;
    this.hearing = new AudioContext();
    const analyser = this.hearing.createAnalyser();
    this.hearing.createMediaStreamSource(new MediaStream([this.sound])).connect(analyser);
    const samples = new Uint8Array(analyser.fftSize);
    this.meter = setInterval(() => {
      analyser.getByteTimeDomainData(samples);
      onLevel(Math.min(100, Math.max(...samples.map((one) => Math.abs(one - 128))) * 1.6));
    }, 100);
  }

  stopListening(): void {
    clearInterval(this.meter);
    void this.hearing?.close();
    this.hearing = null;
  }

  async switchCamera(on: boolean): Promise<void> {
    this.picture?.stop();   // the lamp beside the lens goes out
    this.picture = null;
    if (!on) return;
    const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, ...exactly(this.chosen.camera) };
    this.picture = (await navigator.mediaDevices.getUserMedia({ video })).getVideoTracks()[0] ?? null;
  }

  close(): void {
    this.stopListening();
    this.sound?.stop();
    this.picture?.stop();
    this.sound = this.picture = null;
  }
}

function exactly(id: string | undefined): MediaTrackConstraints {
  return id ? { deviceId: { exact: id } } : {};
}
