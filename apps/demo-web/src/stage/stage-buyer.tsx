import { useState } from 'preact/hooks';

import { ActionButton } from '../action-button.js';
import { actionsOn } from '../buyer-view.js';
import { CategoryCard } from '../category-card.js';
import { ConnectionState } from '../connection-state.js';
import { askOrders, newOrderId } from '../demo-api.js';
import type { DemoCategory } from '../demo-api.js';
import type { HeldLock, LockClient, LockClientState } from '../lock-client.js';
import { newsWords, plainWords, tickets } from '../plain-words.js';
import { useLockClient } from '../use-lock-client.js';

interface StageBuyerProps {
  readonly userId: string;
  readonly eventId: number | string;
  readonly category: DemoCategory;
  readonly announce: (sentence: string) => void;
}

/** One of several buyers in a page: a socket and a session of his own. */
export function StageBuyer({ userId, eventId, category, announce }: StageBuyerProps) {
  const [message, setMessage] = useState<string>();
  const [isGone, setIsGone] = useState(false);
  const say = (sentence: string, isShownAnyway = false) => {
    setMessage(isShownAnyway ? '' : sentence);
    announce(`${userId}: ${sentence}`);
  };
  const [client, state] = useLockClient({
    userId,
    eventId,
    storage: sessionStorage,
    onNews: (name, { quantity }) => say(newsWords(name, quantity)),
  });
  const lock = state.locks.find(({ categoryId }) => categoryId === category.categoryId);
  const leave = () => {
    client.close();
    setIsGone(true);
  };
  const comeBack = () => {
    client.connect();
    setIsGone(false);
  };
  return (
    <section class="stage-buyer" aria-label={userId} data-buyer={userId}>
      <ul>
        <CategoryCard
          title={userId}
          category={category}
          figures={state.availability.get(category.categoryId)}
          lock={lock}
          message={message}
          isOnline={state.connection === 'online'}
          actions={actionsOn(client, category.categoryId, (_id, words, isShown) =>
            say(words, isShown),
          )}
        />
      </ul>
      <div class="stage-tools">
        {isGone ? <p class="connection">Gone</p> : <ConnectionState state={state} />}
        <StageTools
          client={client}
          state={state}
          isGone={isGone}
          lock={lock}
          say={say}
          onLeave={leave}
          onComeBack={comeBack}
        />
      </div>
    </section>
  );
}

interface StageToolsProps {
  readonly client: LockClient;
  readonly state: LockClientState;
  readonly isGone: boolean;
  readonly lock: HeldLock | undefined;
  readonly say: (sentence: string) => void;
  readonly onLeave: () => void;
  readonly onComeBack: () => void;
}

function StageTools({ client, state, isGone, lock, say, onLeave, onComeBack }: StageToolsProps) {
  const isOnline = state.connection === 'online';
  if (isGone) return <ActionButton onPress={onComeBack}>Come back</ActionButton>;
  return (
    <>
      <ActionButton
        isDisabled={!isOnline || lock === undefined}
        onPress={() => lock !== undefined && void buy(client, lock, say)}
      >
        Buy
      </ActionButton>
      <ActionButton isDisabled={!isOnline} onPress={() => client.interrupt({ comesBack: true })}>
        Cut the line
      </ActionButton>
      <ActionButton isDisabled={!isOnline} onPress={onLeave}>
        Leave
      </ActionButton>
    </>
  );
}

/** The whole checkout in one step. */
async function buy(
  client: LockClient,
  lock: HeldLock,
  say: (sentence: string) => void,
): Promise<void> {
  const order = { orderId: String(lock.orderId ?? newOrderId()), lockIds: [lock.lockId] };
  const begun = await askOrders('begin-payment', order);
  const answer = begun.success ? await askOrders('confirm', order) : begun;
  await client.refreshLocks();
  say(answer.success ? `${tickets(lock.quantity)} bought.` : plainWords(answer));
}
