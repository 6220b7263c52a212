// One sample: one kernel in a process of its own, so that neither the garbage nor the type feedback
// of another one is in the figures. `engine.bench.ts` runs them by turns.
import { BareKernel, PlainKernel } from './bare-kernel.js';
import { Crowd } from './crowd.js';
import { EngineKernel } from './engine-kernel.js';
import type { Kernel, KernelOptions } from './kernel.js';
import { SlotKernel } from './slot-kernel.js';

export type KernelName = 'engine' | 'bare' | 'plain' | 'slot';
export type PairName = 'lockExpire' | 'lockConfirm' | 'lockUnlock';

export interface SampleRequest {
  readonly kind: 'throughput' | 'stalls' | 'massExpiry';
  readonly kernel: KernelName;
  /** Active locks. */
  readonly size: number;
  /** How long each kind of pair is measured, in seconds of CPU time. */
  readonly seconds: number;
}

/**
 * Operations per second of CPU time (a pair is two), and heap bytes for each active lock. `plain`
 * cannot expire.
 *
 * The CPU time of all threads of the process counts, so garbage collection is in it, and what else
 * runs on the machine is not.
 */
export interface ThroughputSample {
  readonly opsPerSecond: Readonly<Partial<Record<PairName, number>>>;
  readonly bytesPerLock: number;
}

/** The longest single operation: while the crowd enters, and while random locks are replaced. */
export interface StallSample {
  readonly growingMs: number;
  readonly steadyMs: number;
}

/** A tenth of the locks is due at once, and ended in slices of a thousand. */
export interface MassExpirySample {
  readonly totalMs: number;
  readonly worstSliceMs: number;
}

const KERNELS: Record<KernelName, new (options: KernelOptions) => Kernel> = {
  engine: EngineKernel,
  bare: BareKernel,
  plain: PlainKernel,
  slot: SlotKernel,
};

const SLICE_PAIRS = 1000;
const WARM_UP_SLICES = 100;
const STALL_PAIRS = 1_000_000;
const EXPIRY_SLICE = 1000;

export function takeSample(
  request: SampleRequest,
): ThroughputSample | StallSample | MassExpirySample {
  switch (request.kind) {
    case 'throughput':
      return takeThroughput(request);
    case 'stalls':
      return takeStalls(request);
    case 'massExpiry':
      return takeMassExpiry(request);
  }
}

/**
 * Two operations make a pair: a lock ends and a new one is taken. The oldest lock expires, a random
 * one is confirmed or unlocked.
 *
 * A confirmed lock stays with the engine until it is settled. It is settled outside of the measured
 * time, as the events service would have it later; that the engine forgets ended locks is inside,
 * where they are unlocked or expire.
 */
function takeThroughput({ kernel: name, size, seconds }: SampleRequest): ThroughputSample {
  const crowd = new Crowd(size);
  const bytesBefore = heapBytes();
  const kernel = new KERNELS[name](crowd.kernelOptions());
  crowd.enter(kernel);
  const bytesPerLock = (heapBytes() - bytesBefore) / size;

  const measure = (slice: () => void, tidy: () => void = () => undefined): number => {
    for (let count = 0; count < WARM_UP_SLICES; count += 1) {
      slice();
      tidy();
    }
    return (2 * SLICE_PAIRS) / sliceSeconds(seconds, slice, tidy);
  };
  // The order matters: expiries come in the order of the slots only before random ones are
  // replaced.
  let oldest = 0;
  const expirySlice = () => {
    oldest = expireOldest(crowd, kernel, oldest);
  };
  const expiries = name === 'plain' ? {} : { lockExpire: measure(expirySlice) };
  const confirmed: string[] = [];
  const lockConfirm = measure(
    () => confirmRandom(crowd, kernel, confirmed),
    () => {
      for (const lockId of confirmed) kernel.settle(lockId);
      confirmed.length = 0;
    },
  );
  const lockUnlock = measure(() => unlockRandom(crowd, kernel));
  return { opsPerSecond: { ...expiries, lockConfirm, lockUnlock }, bytesPerLock };
}

function expireOldest(crowd: Crowd, kernel: Kernel, oldest: number): number {
  let slot = oldest;
  for (let pair = 0; pair < SLICE_PAIRS; pair += 1) {
    crowd.clock.nowMs += 1;
    kernel.expireDue(EXPIRY_SLICE);
    crowd.relock(kernel, slot);
    slot = slot + 1 === crowd.size ? 0 : slot + 1;
  }
  return slot;
}

function confirmRandom(crowd: Crowd, kernel: Kernel, confirmed: string[]): void {
  for (let pair = 0; pair < SLICE_PAIRS; pair += 1) {
    const slot = crowd.randomSlot();
    const lockId = crowd.lockId(slot);
    confirmed.push(lockId);
    if (!kernel.confirm(lockId)) throw new Error(`lock ${lockId} is not confirmed`);
    crowd.relock(kernel, slot);
  }
}

function unlockRandom(crowd: Crowd, kernel: Kernel): void {
  for (let pair = 0; pair < SLICE_PAIRS; pair += 1) {
    const slot = crowd.randomSlot();
    if (!kernel.unlock(crowd.lockId(slot))) throw new Error(`lock ${slot} is not unlocked`);
    crowd.relock(kernel, slot);
  }
}

/** Runs slices for so many seconds of CPU time; returns the mean seconds of a slice. */
function sliceSeconds(seconds: number, slice: () => void, tidy: () => void): number {
  let measured = 0;
  let sliceCount = 0;
  while (measured < seconds) {
    const before = process.cpuUsage();
    slice();
    const { user, system } = process.cpuUsage(before);
    measured += (user + system) / 1e6;
    sliceCount += 1;
    tidy();
  }
  return measured / sliceCount;
}

function takeStalls({ kernel: name, size }: SampleRequest): StallSample {
  const crowd = new Crowd(size);
  const kernel = new KERNELS[name](crowd.kernelOptions());
  const growing = new WorstLap();
  crowd.enter(kernel, () => growing.lap());
  const steady = new WorstLap();
  for (let pair = 0; pair < STALL_PAIRS; pair += 1) {
    const slot = crowd.randomSlot();
    kernel.unlock(crowd.lockId(slot));
    steady.lap();
    crowd.relock(kernel, slot);
    steady.lap();
  }
  return { growingMs: growing.worstMs, steadyMs: steady.worstMs };
}

class WorstLap {
  worstMs = 0;
  #lastMs = performance.now();

  lap(): void {
    const nowMs = performance.now();
    this.worstMs = Math.max(this.worstMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}

function takeMassExpiry({ kernel: name, size }: SampleRequest): MassExpirySample {
  const crowd = new Crowd(size);
  const kernel = new KERNELS[name](crowd.kernelOptions());
  crowd.enter(kernel);
  crowd.clock.nowMs += size / 10;
  const slice = new WorstLap();
  const startMs = performance.now();
  let expiredCount = 0;
  for (let count = -1; count !== 0; expiredCount += count) {
    count = kernel.expireDue(EXPIRY_SLICE);
    slice.lap();
  }
  const totalMs = performance.now() - startMs;
  if (expiredCount !== size / 10) throw new Error(`${expiredCount} locks expired`);
  return { totalMs, worstSliceMs: slice.worstMs };
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

if (process.send !== undefined) {
  const request = JSON.parse(process.argv[2] ?? '') as SampleRequest;
  process.send(takeSample(request));
}
