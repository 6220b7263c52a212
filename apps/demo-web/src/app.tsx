import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { BuyerView, useBuyer } from './buyer-view.js';
import { ConnectionState } from './connection-state.js';
import { fetchEvents } from './demo-api.js';
import type { DemoEvent } from './demo-api.js';
import { EventMenu } from './event-menu.js';
import { UserMenu } from './user-menu.js';
import { hrefOf, readView, VIEWS } from './visit.js';
import type { View, Visit } from './visit.js';

/** What a view of its own file is given. */
export interface ViewProps {
  readonly events: readonly DemoEvent[];
  readonly event: DemoEvent;
  readonly announce: (sentence: string) => void;
}

const VIEW_NAMES = {
  buyer: 'Buy',
  stage: 'Stage',
  operator: 'Operator',
} satisfies Record<View, string>;
const ASK_AGAIN_MS = 3000;

/** The page: a head, and one of three views. */
export function App({ visit }: { visit: Visit }) {
  const [view, setView] = useView(visit.view);
  const [events, hasFailed] = useEvents();
  const [announcement, setAnnouncement] = useState('');
  const buyer = useBuyer(visit, view === 'buyer', setAnnouncement);
  const event = events?.find(({ eventId }) => eventId === visit.eventId);
  const isOperator = view === 'operator';
  const title = isOperator ? 'Behind the counter' : titleOf(event, events);
  useEffect(() => {
    document.title = `${title} · Ticket locks`;
  }, [title]);

  return (
    <>
      <header>
        <p class="brand">Ticket locks</p>
        <ViewMenu visit={visit} view={view} onChoose={setView} />
        {view === 'buyer' && <ConnectionState state={buyer.state} />}
        {view === 'buyer' && <UserMenu visit={visit} />}
      </header>
      <main data-view={view}>
        {!isOperator && <EventMenu events={events} visit={{ ...visit, view }} />}
        <Title key={view} text={title} isNew={view !== visit.view} />
        {hasFailed && <p class="problem">The events cannot be read. We keep trying.</p>}
        {event !== undefined && view === 'buyer' && <BuyerView event={event} buyer={buyer} />}
        {events !== undefined && event !== undefined && view === 'stage' && (
          <Later load={loadStage} props={{ events, event, announce: setAnnouncement }} />
        )}
        {events?.[0] !== undefined && view === 'operator' && (
          <Later
            load={loadOperator}
            props={{ events, event: event ?? events[0], announce: setAnnouncement }}
          />
        )}
      </main>
      <p class="visually-hidden" role="status" data-announcement>
        {announcement}
      </p>
    </>
  );
}

async function loadStage(): Promise<ComponentType<ViewProps>> {
  const [{ StageView }] = await Promise.all([
    import('./stage/stage-view.js'),
    import('./stage/stage.css'),
  ]);
  return StageView;
}

async function loadOperator(): Promise<ComponentType<ViewProps>> {
  const [{ OperatorView }] = await Promise.all([
    import('./operator/operator-view.js'),
    import('./operator/operator.css'),
  ]);
  return OperatorView;
}

function titleOf(event: DemoEvent | undefined, events: readonly DemoEvent[] | undefined): string {
  return event?.name ?? (events === undefined ? 'One moment …' : 'There is no such event');
}

interface ViewMenuProps {
  readonly visit: Visit;
  readonly view: View;
  readonly onChoose: (view: View) => void;
}

/** Links, so that a view can be opened beside another; a plain click stays in the page. */
function ViewMenu({ visit, view, onChoose }: ViewMenuProps) {
  return (
    <nav class="views" aria-label="Views">
      <ul>
        {VIEWS.map((name) => {
          const href = hrefOf({ ...visit, view: name });
          const onClick = (click: MouseEvent) => {
            if (click.ctrlKey || click.metaKey || click.shiftKey || click.button !== 0) return;
            click.preventDefault();
            history.pushState(null, '', href);
            onChoose(name);
          };
          return (
            <li key={name}>
              <a href={href} aria-current={name === view ? 'page' : undefined} onClick={onClick}>
                {VIEW_NAMES[name]}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** Takes the focus when the view was changed: that is where a new page would begin. */
function Title({ text, isNew }: { text: string; isNew: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isNew) heading.current?.focus();
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {text}
    </h1>
  );
}

interface LaterProps {
  readonly load: () => Promise<ComponentType<ViewProps>>;
  readonly props: ViewProps;
}

/** A view that is fetched when it is wanted: buyers need not wait for it. */
function Later({ load, props }: LaterProps) {
  // In an object: a function would be taken for an updater.
  const [loaded, setLoaded] = useState<{ readonly Loaded: ComponentType<ViewProps> }>();
  const [hasFailed, setHasFailed] = useState(false);
  useEffect(() => {
    load().then(
      (Loaded) => setLoaded({ Loaded }),
      () => setHasFailed(true),
    );
  }, []);
  if (hasFailed) return <p class="problem">This view cannot be loaded. Please reload the page.</p>;
  if (loaded === undefined) return <p class="hint">One moment …</p>;
  return <loaded.Loaded {...props} />;
}

function useView(first: View): [View, (view: View) => void] {
  const [view, setView] = useState(first);
  useEffect(() => {
    const onBack = () => setView(readView(location.search));
    addEventListener('popstate', onBack);
    return () => removeEventListener('popstate', onBack);
  }, []);
  return [view, setView];
}

function useEvents(): [readonly DemoEvent[] | undefined, boolean] {
  const [events, setEvents] = useState<readonly DemoEvent[]>();
  const [hasFailed, setHasFailed] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        setEvents(await fetchEvents());
        setHasFailed(false);
      } catch {
        setHasFailed(true);
        timer = setTimeout(() => void ask(), ASK_AGAIN_MS);
      }
    };
    void ask();
    return () => clearTimeout(timer);
  }, []);
  return [events, hasFailed];
}
