import { useEffect, useId, useState } from 'preact/hooks';

import type { ViewProps } from '../app.js';
import { returnAll } from '../demo-api.js';
import type { DemoCategory, DemoEvent } from '../demo-api.js';
import { tickets } from '../plain-words.js';
import { useLockClient } from '../use-lock-client.js';
import { AvailabilityChart } from './availability-chart.js';
import { RushPanel } from './rush-panel.js';
import { StageBuyer } from './stage-buyer.js';
import { useRush } from './use-rush.js';
import { Verdict } from './verdict.js';

const BUYERS = ['ana', 'ben', 'cleo'];

/** Several buyers side by side, and as many as one likes at once. */
export function StageView({ event, announce }: ViewProps) {
  const [first] = event.categories;
  const [category, setCategory] = useState(first);
  if (category === undefined) return <p class="hint">This event has no category.</p>;
  return (
    <div class="stage">
      <CategoryChoice event={event} chosen={category} onChoose={setCategory} />
      <Rushes key={category.categoryId} event={event} category={category} announce={announce} />
      <h2 class="section-title">Side by side</h2>
      <div class="stage-buyers">
        {BUYERS.map((userId) => (
          <StageBuyer
            key={userId}
            userId={userId}
            eventId={event.eventId}
            category={category}
            announce={announce}
          />
        ))}
      </div>
    </div>
  );
}

interface CategoryChoiceProps {
  readonly event: DemoEvent;
  readonly chosen: DemoCategory;
  readonly onChoose: (category: DemoCategory) => void;
}

function CategoryChoice({ event, chosen, onChoose }: CategoryChoiceProps) {
  const selectId = useId();
  return (
    <div class="field inline">
      <label for={selectId}>Category</label>
      <select
        id={selectId}
        value={String(chosen.categoryId)}
        onChange={({ currentTarget }) => {
          const found = event.categories.find(
            ({ categoryId }) => String(categoryId) === currentTarget.value,
          );
          if (found !== undefined) onChoose(found);
        }}
      >
        {event.categories.map(({ categoryId, name, capacity }) => (
          <option key={categoryId} value={String(categoryId)}>
            {name} ({capacity})
          </option>
        ))}
      </select>
    </div>
  );
}

interface RushesProps {
  readonly event: DemoEvent;
  readonly category: DemoCategory;
  readonly announce: (sentence: string) => void;
}

/** Who watches the category has a socket too. */
function Rushes({ event, category, announce }: RushesProps) {
  const [watcher] = useLockClient({
    userId: 'stage-watcher',
    eventId: event.eventId,
    storage: sessionStorage,
  });
  const watched = () => watcher.state.availability.get(category.categoryId);
  const rush = useRush(event, category, watched);
  const counts = rush.state?.counts;
  const phase = rush.state?.progress.phase;
  useEffect(() => {
    if (phase !== 'over' || counts === undefined) return;
    announce(`The rush is over: ${counts.sold} of ${category.capacity} tickets are sold.`);
  }, [phase]);
  const putBack = async () => {
    const quantity = await returnAll(event.eventId).catch(() => undefined);
    if (quantity === undefined) return announce('That did not work. Please try again.');
    rush.forgetSold();
    announce(`${tickets(quantity)} are back on sale.`);
  };
  return (
    <section class="panel" aria-labelledby="rush">
      <h2 id="rush">On-sale rush</h2>
      <Verdict state={rush.state} capacity={category.capacity} />
      <RushPanel
        state={rush.state}
        capacity={category.capacity}
        isRunning={rush.isRunning}
        onStart={rush.start}
        onStop={rush.stop}
        onReturnAll={() => void putBack()}
      />
      <AvailabilityChart samples={rush.samples} />
    </section>
  );
}
