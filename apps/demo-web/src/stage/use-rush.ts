import type { AvailabilityUpdate } from '@ticket-locks/socket-adapter/protocol';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { DemoCategory, DemoEvent } from '../demo-api.js';
import type { ChartSample } from './availability-chart.js';
import { NaiveStore } from './naive-store.js';
import { RealStore } from './real-store.js';
import type { RushFigures, RushStore } from './rush-store.js';
import { RushTally } from './rush-tally.js';
import type { RushCounts } from './rush-tally.js';
import { runRush } from './rush.js';
import type { RushProgress } from './rush.js';

export type StoreKind = 'real' | 'naive';

export interface RushChoice {
  readonly kind: StoreKind;
  readonly buyerCount: number;
}

export interface RushState {
  readonly kind: StoreKind;
  readonly buyerCount: number;
  readonly progress: RushProgress;
  readonly counts: RushCounts;
}

interface RushControls {
  /** `undefined` before the first rush in this category. */
  readonly state: RushState | undefined;
  readonly samples: readonly ChartSample[];
  readonly isRunning: boolean;
  readonly start: (choice: RushChoice) => void;
  readonly stop: () => void;
  /** What was sold before is on sale again. */
  readonly forgetSold: () => void;
}

interface Running {
  readonly choice: RushChoice;
  readonly store: RushStore;
  readonly tally: RushTally;
  readonly abort: AbortController;
  progress: RushProgress;
}

/** How often the figures are looked at, in a rush and without one. */
const SAMPLE_MS = 200;
const SAMPLES_MAX = 1500;

/** The rushes in one category, one at a time; between them the chart goes on. */
export function useRush(
  { eventId }: DemoEvent,
  { categoryId, capacity }: DemoCategory,
  watched: () => AvailabilityUpdate | undefined,
): RushControls {
  const [state, setState] = useState<RushState>();
  const [samples, setSamples] = useState<readonly ChartSample[]>([]);
  const latest = useRef<Running>();
  const startedAtMs = useRef(performance.now());
  const soldBefore = useRef(0);

  const show = () => {
    const nowMs = performance.now();
    const running = latest.current;
    if (running !== undefined) setState(stateOf(running, nowMs));
    const figures = running?.store.figures ?? figuresOf(watched());
    const isOverAndStill = running?.choice.kind === 'naive' && running.progress.phase === 'over';
    if (figures === undefined || isOverAndStill) return;
    const sample = { ...figures, atSeconds: (nowMs - startedAtMs.current) / 1000 };
    setSamples((known) => [...known, sample].slice(-SAMPLES_MAX));
  };
  useEffect(() => {
    const timer = setInterval(show, SAMPLE_MS);
    return () => {
      clearInterval(timer);
      latest.current?.abort.abort();
    };
  }, []);

  const start = (choice: RushChoice) => {
    const isReal = choice.kind === 'real';
    const random = Math.random;
    const running: Running = {
      choice,
      store: isReal
        ? new RealStore({ eventId, categoryId, figures: () => figuresOf(watched()) })
        : new NaiveStore({ capacity, random }),
      tally: new RushTally(capacity, isReal ? soldBefore.current : 0),
      abort: new AbortController(),
      progress: { phase: 'arriving', arrived: 0, finished: 0 },
    };
    latest.current = running;
    startedAtMs.current = performance.now();
    setSamples([]);
    show();
    void runRush({
      ...running,
      buyerCount: choice.buyerCount,
      namePrefix: `rush-${newRunName()}`,
      random,
      onProgress: (progress) => (running.progress = progress),
      signal: running.abort.signal,
    }).finally(() => {
      if (isReal) soldBefore.current = running.tally.counts(performance.now()).sold;
      show();
    });
  };
  return {
    state,
    samples,
    isRunning: state !== undefined && state.progress.phase !== 'over',
    start,
    stop: () => latest.current?.abort.abort(),
    forgetSold: () => (soldBefore.current = 0),
  };
}

function figuresOf(update: AvailabilityUpdate | undefined): RushFigures | undefined {
  if (update === undefined) return undefined;
  const { availableTickets, lockedTickets, soldTickets } = update;
  return { available: availableTickets, locked: lockedTickets, sold: soldTickets };
}

function stateOf({ choice, tally, progress }: Running, nowMs: number): RushState {
  return { ...choice, progress, counts: tally.counts(nowMs) };
}

/** Buyers of one rush are not those of another: limits are per user. */
function newRunName(): string {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return number.toString(36);
}
