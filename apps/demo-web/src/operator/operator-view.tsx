import { useEffect, useRef, useState } from 'preact/hooks';

import type { ViewProps } from '../app.js';
import type { DemoEvent } from '../demo-api.js';
import { useLockClient } from '../use-lock-client.js';
import { ChangeList } from './change-list.js';
import { LocksByEvent } from './locks-by-event.js';
import { fetchChanges, fetchHealth, fetchOverview, fetchStats } from './operator-api.js';
import type { Health, ShownChange } from './operator-api.js';
import { Sparkline } from './sparkline.js';
import { usePolled } from './use-polled.js';

const INTERVAL_MS = 1000;
const CHANGES_MAX = 200;
const ROUND_TRIPS_MAX = 60;

/** The service from behind the counter. */
export function OperatorView({ events, event }: ViewProps) {
  const stats = usePolled(fetchStats, INTERVAL_MS);
  const health = usePolled(fetchHealth, INTERVAL_MS);
  const overview = usePolled(fetchOverview, INTERVAL_MS);
  const changes = useChanges();
  const roundTrips = useRoundTrips(event);
  const hasFailed = stats.hasFailed || health.hasFailed || overview.hasFailed;
  const { ticketLocks } = stats.answer ?? {};
  const { eventLoopDelay, heapUsedBytes, uptimeSeconds, orders } = overview.answer ?? {};
  return (
    <div class="operator">
      <HealthLine health={health.answer} hasFailed={hasFailed} />
      <dl class="tiles">
        <Tile label="Connections" value={stats.answer?.connections} />
        <Tile label="Users" value={stats.answer?.connectedUsers} />
        <Tile label="Active locks" value={ticketLocks?.activeLocks} />
        <Tile label="Confirmed" value={ticketLocks?.locksByStatus.confirmed} />
        <Tile label="Expired" value={ticketLocks?.locksByStatus.expired} />
        <Tile label="Released" value={ticketLocks?.locksByStatus.released} />
        <Tile label="Round trip" value={milliseconds(roundTrips.at(-1))} values={roundTrips} />
        <Tile
          label="Event loop delay"
          value={milliseconds(eventLoopDelay?.p50Ms)}
          note={`99 %: ${milliseconds(eventLoopDelay?.p99Ms) ?? '–'}`}
        />
        <Tile
          label="Heap"
          value={heapUsedBytes === undefined ? undefined : `${Math.round(heapUsedBytes / 1e6)} MB`}
        />
        <Tile label="Running for" value={durationWords(uptimeSeconds)} />
        <Tile
          label="Orders go"
          value={orders === 'rabbitmq' ? 'over RabbitMQ' : orders && 'in process'}
        />
      </dl>
      <div class="operator-columns">
        <section class="panel" aria-labelledby="by-event">
          <h2 id="by-event">Locks by event</h2>
          <LocksByEvent events={overview.answer?.events ?? []} />
        </section>
        <section class="panel" aria-labelledby="changes">
          <h2 id="changes">Recent changes</h2>
          <ChangeList changes={changes} events={events} />
        </section>
      </div>
    </div>
  );
}

function HealthLine({ health, hasFailed }: { health: Health | undefined; hasFailed: boolean }) {
  const { state, words } = healthWords(health, hasFailed);
  return (
    <p class={`health ${state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {words}
    </p>
  );
}

function healthWords(health: Health | undefined, hasFailed: boolean) {
  if (hasFailed) return { state: 'bad', words: 'The service does not answer. We keep asking.' };
  if (health === undefined) return { state: '', words: 'One moment …' };
  const { status, missing = [], degraded } = health;
  if (status !== 'ready') return { state: 'bad', words: `Not ready: ${missing.join(', ')}` };
  if (degraded.length === 0) return { state: 'good', words: 'Ready' };
  return { state: 'fair', words: `Ready, but without: ${degraded.join(', ')}` };
}

interface TileProps {
  readonly label: string;
  readonly value: number | string | undefined;
  readonly note?: string;
  readonly values?: readonly number[];
}

function Tile({ label, value, note, values }: TileProps) {
  return (
    <div class="tile">
      <dt>{label}</dt>
      <dd data-tile={label}>
        {value ?? '–'}
        {note !== undefined && <small>{note}</small>}
        {values !== undefined && <Sparkline values={values} />}
      </dd>
    </div>
  );
}

/** The changes since the page was opened, and those before it that the service still knows. */
function useChanges(): readonly ShownChange[] {
  const known = useRef<{ count: number; changes: readonly ShownChange[] }>({
    count: 0,
    changes: [],
  });
  const { answer } = usePolled(async () => {
    const { count, changes } = await fetchChanges(known.current.count);
    // The service began anew: what we know is of another life.
    const before = count < known.current.count ? [] : known.current.changes;
    known.current = { count, changes: [...changes, ...before].slice(0, CHANGES_MAX) };
    return known.current.changes;
  }, INTERVAL_MS);
  return answer ?? [];
}

/** How long a heartbeat takes there and back, once a second, the newest last. */
function useRoundTrips({ eventId }: DemoEvent): readonly number[] {
  const [values, setValues] = useState<readonly number[]>([]);
  const [client] = useLockClient({ userId: 'operator', eventId, storage: sessionStorage });
  useEffect(() => {
    const measure = async () => {
      const value = await client.roundTripMs();
      if (value !== undefined) setValues((all) => [...all, value].slice(-ROUND_TRIPS_MAX));
    };
    const timer = setInterval(() => {
      if (client.state.connection !== 'online') return;
      void measure();
    }, INTERVAL_MS);
    return () => clearInterval(timer);
  }, [client]);
  return values;
}

function milliseconds(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value.toFixed(1)} ms`;
}

function durationWords(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
