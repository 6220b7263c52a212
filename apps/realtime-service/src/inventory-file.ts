import { readFile } from 'node:fs/promises';

import { DEMO_EVENTS } from './demo-events.js';
import { FixedInventory, readInventory } from './inventory.js';
import type { InventoryResult } from './inventory.js';

/** Loads the file that `INVENTORY_FILE` names, or without one the demo's events. */
export async function loadInventory(path: string | undefined): Promise<InventoryResult> {
  if (path === undefined) return { ok: true, inventory: new FixedInventory(DEMO_EVENTS) };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return { ok: false, problems: [`INVENTORY_FILE cannot be read: ${(error as Error).message}`] };
  }
  const result = readInventory(text);
  if (result.ok) return result;
  return { ok: false, problems: result.problems.map((problem) => `INVENTORY_FILE: ${problem}`) };
}
