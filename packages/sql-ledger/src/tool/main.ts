#!/usr/bin/env node
import { runTool } from './run-tool.js';

async function main(): Promise<void> {
  process.exitCode = await runTool(process.argv.slice(2), {
    environment: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
  });
}

void main();
