// Hears from the server which topics changed, by one stream of events that comes again by itself.
//
// The server says something every ten seconds, a stream lasts for a minute at most, and each event has a position:
// whoever comes again with it is told what he missed. Where there is no stream to be had, the page is not told so,
// but hears nothing: it polls, and a stream is tried again later.

const SILENCE_MS = 15_000;
const AGAIN_MS = 30_000;

export class Stream {
  // `told(topics)` hears of changes; of null where something may have been missed.
  constructor(url, position, told) {
    this.url = url;
    this.position = position;
    this.told = told;
    this.heardAt = 0;
    this.source = null;
    this.timer = 0;
  }

  get isHeard() {
    return Boolean(this.source) && Date.now() - this.heardAt < SILENCE_MS;
  }

  listenTo(topics) {
    if (this.source && this.topics === topics) return;
    this.close();
    this.topics = topics;
    if (this.url && topics) this.open();
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  // To be called now and then: one that is silent for too long is given up.
  look() {
    if (this.source && !this.isHeard && Date.now() - this.openedAt > SILENCE_MS) this.again();
  }

  open() {
    const query = new URLSearchParams({ topics: this.topics, since: this.position });
    const source = new EventSource(`${this.url}?${query}`);
    this.source = source;
    this.openedAt = Date.now();
    for (const name of ["change", "refresh", "beat"]) {
      source.addEventListener(name, (event) => {
        this.heardAt = Date.now();
        this.position = event.lastEventId;
        if (name === "refresh") this.told(null);
        if (name === "change") this.told(event.data.split(" "));
      });
    }
    source.addEventListener("error", () => {
      if (source === this.source && source.readyState === EventSource.CLOSED) this.again();
    });
  }

  again() {
    this.close();
    this.timer = setTimeout(() => this.open(), AGAIN_MS * (1 + Math.random()));
  }
}
