export interface LoopResult {
  readonly requestCount: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Each client makes one visit after the other until the time is over; `ask` times one request. */
export async function closedLoop(
  clients: number,
  seconds: number,
  visit: (
    client: number,
    ask: <Answer>(request: () => Promise<Answer>) => Promise<Answer>,
  ) => Promise<void>,
): Promise<LoopResult> {
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const ask = async <Answer>(request: () => Promise<Answer>): Promise<Answer> => {
    const askedMs = performance.now();
    const answer = await request();
    latenciesMs.push(performance.now() - askedMs);
    return answer;
  };
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() < endMs) await visit(client, ask);
    }),
  );
  const elapsedMs = performance.now() - startMs;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (part: number) => latenciesMs[Math.floor(latenciesMs.length * part)] ?? 0;
  return {
    requestCount: latenciesMs.length,
    elapsedMs,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}
