// Runs a client in a terminal: what is typed is given to it, line by line.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * Nothing happens when the module is imported by another.
 * @param {string} module its `import.meta.url`
 * @param {(...args: string[]) => (line: string) => void} start takes what follows on the command line
 */
export async function terminal(module, start) {
  if (process.argv[1] !== fileURLToPath(module)) return;
  const hear = start(...process.argv.slice(2));
  for await (const line of createInterface({ input: process.stdin })) hear(line);
}
