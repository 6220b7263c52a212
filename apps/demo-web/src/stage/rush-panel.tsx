import { useId, useState } from 'preact/hooks';

import { ActionButton } from '../action-button.js';
import type { RushChoice, RushState, StoreKind } from './use-rush.js';

interface RushPanelProps {
  readonly state: RushState | undefined;
  readonly capacity: number;
  readonly isRunning: boolean;
  readonly onStart: (choice: RushChoice) => void;
  readonly onStop: () => void;
  readonly onReturnAll: () => void;
}

/** Browsers open about 255 sockets for a page, and the buyers beside have some. */
const BUYERS_MAX = 200;
const STORES: readonly { readonly kind: StoreKind; readonly label: string }[] = [
  { kind: 'real', label: 'Ticket locks' },
  { kind: 'naive', label: 'Naive store' },
];

/** Many buyers at once: how many, and against which store. */
export function RushPanel(props: RushPanelProps) {
  const { state, capacity, isRunning, onStart, onStop, onReturnAll } = props;
  const [buyerCount, setBuyerCount] = useState(100);
  const [kind, setKind] = useState<StoreKind>('real');
  const countId = useId();
  return (
    <div class="rush">
      <div class="rush-form">
        <div class="field">
          <label for={countId}>
            Buyers <output for={countId}>{buyerCount}</output>
          </label>
          <input
            id={countId}
            type="range"
            min={10}
            max={BUYERS_MAX}
            step={10}
            value={buyerCount}
            onInput={(event) => setBuyerCount(event.currentTarget.valueAsNumber)}
          />
        </div>
        <fieldset class="field">
          <legend>Against</legend>
          <div class="switch">
            {STORES.map((store) => (
              <label key={store.kind}>
                <input
                  type="radio"
                  name="store"
                  value={store.kind}
                  checked={kind === store.kind}
                  onChange={() => setKind(store.kind)}
                />
                <span>{store.label}</span>
              </label>
            ))}
          </div>
        </fieldset>
        {isRunning ? (
          <ActionButton onPress={onStop}>Stop</ActionButton>
        ) : (
          <ActionButton class="primary" onPress={() => onStart({ kind, buyerCount })}>
            Start the rush
          </ActionButton>
        )}
        <ActionButton isDisabled={isRunning} onPress={onReturnAll}>
          Put sold tickets back
        </ActionButton>
      </div>
      <p class="hint">
        {kind === 'real'
          ? 'Every buyer is a socket of his own: he locks, and buys, leaves or loses his line.'
          : 'The same buyers, and a store in this page that reads, compares, and then writes.'}
      </p>
      <RushCounters state={state} capacity={capacity} />
    </div>
  );
}

function RushCounters({ state, capacity }: Pick<RushPanelProps, 'state' | 'capacity'>) {
  const { counts, progress } = state ?? {};
  const counters = [
    ['Attempts', counts?.attempts ?? 0],
    ['Grants', counts?.grants ?? 0],
    ['Refusals', counts?.refusals ?? 0],
    ['Given back', (counts?.returns ?? 0) + (counts?.leaves ?? 0)],
    ['Lines lost', counts?.drops ?? 0],
    ['Sold', `${counts?.sold ?? 0} of ${capacity}`],
  ] as const;
  return (
    <>
      <dl class="counters">
        {counters.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd data-counter={label}>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="hint" data-phase={progress?.phase ?? 'none'}>
        {progressWords(state)}
      </p>
    </>
  );
}

function progressWords(state: RushState | undefined): string {
  if (state === undefined) return 'No rush yet.';
  const { progress, buyerCount, counts } = state;
  const outside = counts.turnedAway === 0 ? '' : ` ${counts.turnedAway} found no place.`;
  switch (progress.phase) {
    case 'arriving':
      return `${progress.arrived} of ${buyerCount} buyers are here.${outside}`;
    case 'open':
      return `The sale is open. ${progress.finished} of ${buyerCount} are through.${outside}`;
    case 'over':
      return `The rush is over.${outside}`;
  }
}
