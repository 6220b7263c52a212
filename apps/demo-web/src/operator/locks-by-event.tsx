import type { Overview } from './operator-api.js';

/** The figures of every category, by event. */
export function LocksByEvent({ events }: { events: Overview['events'] }) {
  if (events.length === 0) return <p class="hint">One moment …</p>;
  return (
    <div class="table">
      <table>
        <thead>
          <tr>
            <th scope="col">Category</th>
            <th scope="col">Available</th>
            <th scope="col">Locked</th>
            <th scope="col">Sold</th>
            <th scope="col">In all</th>
          </tr>
        </thead>
        {events.map(({ eventId, name, categories }) => (
          <tbody key={eventId}>
            <tr>
              <th scope="rowgroup" colSpan={5}>
                {name}
              </th>
            </tr>
            {categories.map((category) => (
              <tr key={category.categoryId}>
                <th scope="row">{category.name}</th>
                <td>{category.available}</td>
                <td class={category.locked > 0 ? 'locked' : ''}>{category.locked}</td>
                <td>{category.sold}</td>
                <td>{category.capacity}</td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}
