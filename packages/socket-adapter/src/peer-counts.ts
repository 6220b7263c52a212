import type { Clock, Id, Timers } from '@ticket-locks/lock-engine';

import type { Peers } from './peers.js';

/** How long what changed is gathered before the others hear of it. */
const GATHER_MS = 25;
/** How often an instance says that it is there when nothing changes. */
const BEAT_MS = 1000;
/** Who was silent for so long is gone, and his sockets with him. */
const SILENT_MAX_MS = 5000;

/** `[key, count]`; 0 takes a key away. */
type Counts = readonly (readonly [string, number])[];

interface CountsMessage {
  readonly type: 'counts';
  /** Counts the messages of one instance. */
  readonly seq: number;
  /** Everything there is; else what changed since the message before. */
  readonly whole: boolean;
  readonly counts: Counts;
  /** What came on top of a limit since the message before. */
  readonly taken: Counts;
}

interface Peer {
  seq: number;
  /** Whether `counts` is all of it: no message was missed. */
  isWhole: boolean;
  heardAtMs: number;
  counts: Map<string, number>;
}

export interface PeerCountsOptions {
  /** None: this is the only instance. */
  readonly peers: Peers | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  /** What the other instances have taken of a limit. */
  readonly onTaken: (key: string, count: number) => void;
}

/**
 * How many sockets each user and address has on the other instances, a moment late.
 *
 * Every instance tells the counts that changed, numbered, and now and then that it is there. Who
 * missed a message asks for everything; who is silent for five seconds is forgotten.
 */
export class PeerCounts {
  readonly #options: PeerCountsOptions;
  readonly #own = new Map<string, number>();
  readonly #peers = new Map<string, Peer>();
  #changed = new Set<string>();
  #taken = new Map<string, number>();
  #isWholeWanted = true;
  #seq = 0;
  #cancelGather: (() => void) | undefined;
  #cancelBeat: (() => void) | undefined;

  constructor(options: PeerCountsOptions) {
    this.#options = options;
  }

  start(): void {
    const { peers } = this.#options;
    if (peers === undefined) return;
    peers.onMessage((from, message) => this.#hear(from, message));
    peers.tell({ type: 'counts-wanted' });
    this.#beat();
  }

  /** Takes its sockets out of the others' counts. */
  stop(): void {
    this.#cancelGather?.();
    this.#cancelBeat?.();
    this.#options.peers?.tell({ type: 'counts-gone' });
  }

  /** Sets a count of this instance. */
  set(key: string, count: number): void {
    if (this.#options.peers === undefined) return;
    if (count === 0) this.#own.delete(key);
    else this.#own.set(key, count);
    this.#changed.add(key);
    this.#gather();
  }

  /** Tells the others that one more was taken of a limit. */
  take(key: string): void {
    if (this.#options.peers === undefined) return;
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1);
    this.#gather();
  }

  /** What the key has on the other instances. */
  elsewhere(key: string): number {
    let count = 0;
    for (const peer of this.#peers.values()) count += peer.counts.get(key) ?? 0;
    return count;
  }

  /** Each key with its count, of one instance after the other. */
  *allElsewhere(): Generator<readonly [string, number]> {
    for (const peer of this.#peers.values()) yield* peer.counts;
  }

  #gather(): void {
    this.#cancelGather ??= this.#options.timers.after(GATHER_MS, () => this.#send());
  }

  #beat(): void {
    this.#cancelBeat = this.#options.timers.after(BEAT_MS, () => {
      this.#forgetSilent();
      this.#send();
      this.#beat();
    });
  }

  #send(): void {
    this.#cancelGather?.();
    this.#cancelGather = undefined;
    const keys = this.#isWholeWanted ? this.#own.keys() : this.#changed;
    this.#seq += 1;
    const message: CountsMessage = {
      type: 'counts',
      seq: this.#seq,
      whole: this.#isWholeWanted,
      counts: [...keys].map((key) => [key, this.#own.get(key) ?? 0]),
      taken: [...this.#taken],
    };
    this.#isWholeWanted = false;
    this.#changed = new Set();
    this.#taken = new Map();
    this.#options.peers?.tell(message);
  }

  #hear(from: string, message: unknown): void {
    if (typeof message !== 'object' || message === null || !('type' in message)) return;
    if (message.type === 'counts-gone') this.#peers.delete(from);
    if (message.type === 'counts-wanted') {
      this.#isWholeWanted = true;
      this.#gather();
    }
    // Safe: instances are of one service, and what they tell each other no outsider writes.
    if (message.type === 'counts') this.#takeOver(from, message as CountsMessage);
  }

  #takeOver(from: string, { seq, whole, counts, taken }: CountsMessage): void {
    const { clock, peers, onTaken } = this.#options;
    const known = this.#peers.get(from);
    const isNext = known?.isWhole === true && seq === known.seq + 1;
    const peer = whole || known === undefined ? newPeer() : known;
    peer.seq = seq;
    peer.heardAtMs = clock.nowMs();
    peer.isWhole = whole || isNext;
    for (const [key, count] of counts) {
      if (count === 0) peer.counts.delete(key);
      else peer.counts.set(key, count);
    }
    this.#peers.set(from, peer);
    // Asked for with every message until it comes: the wish may be lost like anything else.
    if (!peer.isWhole) peers?.tell({ type: 'counts-wanted' });
    for (const [key, count] of taken) onTaken(key, count);
  }

  #forgetSilent(): void {
    const silentSinceMs = this.#options.clock.nowMs() - SILENT_MAX_MS;
    for (const [name, { heardAtMs }] of this.#peers) {
      if (heardAtMs < silentSinceMs) this.#peers.delete(name);
    }
  }
}

function newPeer(): Peer {
  return { seq: 0, isWhole: false, heardAtMs: 0, counts: new Map() };
}

const USER = 'user:';

/** The key under which a user is counted. */
export function userKey(userId: Id): string {
  return `${USER}${JSON.stringify(userId)}`;
}

/** The key under which an address is counted. */
export function ipKey(ip: string): string {
  return `ip:${ip}`;
}

/** The user of a `userKey`; `undefined` for any other key. */
export function userOfKey(key: string): Id | undefined {
  return key.startsWith(USER) ? (JSON.parse(key.slice(USER.length)) as Id) : undefined;
}
