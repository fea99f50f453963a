import type { Node } from '../../src/targets/caddy/ast.ts';
import { printCaddyfile } from '../../src/targets/caddy/print.ts';

/** The lines that directives come to in a Caddyfile, without indents. Throws `RangeError` for what cannot be printed. */
export function printedLines(nodes: readonly Node[] = []): readonly string[] {
  const { content } = printCaddyfile(nodes, { path: '/Caddyfile', heading: [] });
  return content.split('\n').flatMap((line) => line.trim() || []);
}
