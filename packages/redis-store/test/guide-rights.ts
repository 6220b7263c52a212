import { readFileSync } from 'node:fs';

const GUIDE = new URL('../../../docs/operations-redis.md', import.meta.url);

/** The user of the guide with a password, as `ACL SETUSER` takes him: so it says what was tried. */
export function userOfGuide(on: 'server' | 'cluster'): string[] {
  const guide = readFileSync(GUIDE, 'utf8');
  const blocks = [...guide.matchAll(/ACL SETUSER ticket-locks([\s\S]*?)\n```/g)];
  const rules = blocks.slice(0, on === 'server' ? 1 : 2).flatMap(([, text = '']) => {
    const words = text.replaceAll('\\', ' ').split(/\s+/);
    return words.filter((word) => word !== '' && !word.startsWith('>'));
  });
  return ['ticket-locks', ...rules, '>secret'];
}

/** The address with the name and password of that user. */
export function urlOfUser(address: string): string {
  const url = new URL(address);
  url.username = 'ticket-locks';
  url.password = 'secret';
  return url.href;
}
