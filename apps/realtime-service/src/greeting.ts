import type { Config } from './config.js';

/** What a person at a terminal wants to know first. */
export function greeting({ isDemo }: Config, port: number): string {
  const url = `http://localhost:${port}`;
  const demo = [
    '',
    '  Try it: open the demo page in two windows and lock the same tickets.',
    '  Or from a terminal, a token for user 123 and what is on sale:',
    '',
    `    curl '${url}/demo/token?userId=123'`,
    `    curl ${url}/demo/events`,
  ];
  const lines = [
    '',
    '  Ticket locks is running. Stop it with Ctrl-C.',
    '',
    ...(isDemo ? [`  Demo page   ${url}/`] : []),
    `  WebSocket   ${url}/realtime   (a socket.io namespace)`,
    `  Statistics  ${url}/stats`,
    `  Health      ${url}/health/ready`,
    ...(isDemo ? demo : []),
    '',
    '',
  ];
  return lines.join('\n');
}
