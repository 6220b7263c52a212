// A port means what its contract says. So whatever implements one runs the contract, fakes
// included.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url));
const CONTRACTS = {
  TicketLocks: 'describeTicketLocksContract',
  LockLedger: 'describeLockLedgerContract',
  DecisionLedger: 'describeDecisionLedgerContract',
  ChangeOutbox: 'describeChangeOutboxContract',
} as const;

describe.each(Object.entries(CONTRACTS))('what implements %s', (port, contract) => {
  const implementations = readdirSync(PACKAGES).flatMap((name) => implementationsIn(name, port));

  test('is found', () => {
    expect(implementations.length).toBeGreaterThan(0);
  });

  test.each(implementations)('$className of $packageName runs the contract', (implementation) => {
    const { packageName, className } = implementation;
    const runs = contractTestsOf(packageName).filter(
      (source) => source.includes(`${contract}({`) && namesOf(source).includes(className),
    );
    const where = `packages/${packageName}/test/*.{contract,int}.test.ts`;
    const instead = `Call ${contract} in a ${where}, and name ${className} there.`;
    expect(runs.length, instead).toBeGreaterThan(0);
  });
});

test('an implementation without a run would be seen', () => {
  const source = `
    export class Half<Value>
      extends Base<Value>
      implements Closeable, TicketLocks, Other {}
    class NotOne implements TicketLocksEvents {}
    // class Commented implements TicketLocks {}
  `;
  expect(classesIn(source, 'TicketLocks')).toEqual(['Half']);
  expect(classesIn(source, 'LockLedger')).toEqual([]);
});

interface Implementation {
  readonly packageName: string;
  readonly className: string;
}

function implementationsIn(packageName: string, port: string): Implementation[] {
  return filesUnder(join(PACKAGES, packageName, 'src'))
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => classesIn(readFileSync(path, 'utf8'), port))
    .map((className) => ({ packageName, className }));
}

function classesIn(source: string, port: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
  const classes = code.matchAll(/\bclass\s+(\w+)[^{]*?\bimplements\s+([^{]+)\{/g);
  const implementing = [...classes].filter(([, , ports = '']) => {
    const names = ports.replaceAll(/<[^>]*>/g, '').split(',');
    return names.some((name) => name.trim() === port);
  });
  return implementing.map(([, name = '']) => name);
}

function contractTestsOf(packageName: string): string[] {
  return filesUnder(join(PACKAGES, packageName, 'test'))
    .filter((path) => /\.(contract|int)\.test\.ts$/.test(path))
    .map((path) => readFileSync(path, 'utf8'));
}

function namesOf(source: string): string[] {
  return source.match(/\w+/g) ?? [];
}

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}
