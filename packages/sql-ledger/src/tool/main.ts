#!/usr/bin/env node
import { runTool } from './run-tool.js';

void runTool(process.argv.slice(2), {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
