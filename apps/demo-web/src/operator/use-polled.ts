import { useEffect, useState } from 'preact/hooks';

/** Asks again and again. A failure keeps the last answer, and is told beside it. */
export function usePolled<Answer>(
  ask: () => Promise<Answer>,
  intervalMs: number,
): { readonly answer: Answer | undefined; readonly hasFailed: boolean } {
  const [answer, setAnswer] = useState<Answer>();
  const [hasFailed, setHasFailed] = useState(false);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      try {
        const next = await ask();
        if (isOver) return;
        setAnswer(next);
        setHasFailed(false);
      } catch {
        setHasFailed(true);
      }
      if (!isOver) timer = setTimeout(() => void poll(), intervalMs);
    };
    void poll();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  return { answer, hasFailed };
}
