import { sha256 } from '../../lib/hash.ts';
import { once } from '../../lib/memo.ts';
import { digest } from '../../model/names.ts';
import type { RenderedFile } from '../../model/rendered.ts';
import type { Node } from './ast.ts';
import { printToken } from './quote.ts';

/** A Caddyfile in the layout of `caddy fmt`, with the line ranges of its units. `heading`: comment lines of ours. */
export function printCaddyfile(
  nodes: readonly Node[],
  { path, heading }: { readonly path: string; readonly heading: readonly string[] },
): RenderedFile {
  const blocks = nodes.map(printBlock);
  const comments = heading.map((comment) => `# ${comment}\n`).join('');
  const content = `${comments}${blocks.map(({ text }) => text).join('\n')}`;
  const units: { unit: string; firstLine: number; lastLine: number }[] = [];
  let before = heading.length;
  for (const block of blocks) {
    for (const { unit, firstLine, lastLine } of block.units)
      units.push({ unit, firstLine: before + firstLine, lastLine: before + lastLine });
    before += block.lines + 1;
  }
  return { path, content, sha256: digest(sha256(content)), units };
}

/** A top-level block with the lines of its units, counted from 1. Printed once for each node: most come again in every table. */
const printBlock = once((node: Node): { readonly text: string; readonly lines: number; readonly units: RenderedFile['units'] } => {
  const lines: string[] = [];
  const units: { unit: string; firstLine: number; lastLine: number }[] = [];
  write(node, 0);
  return { text: `${lines.join('\n')}\n`, lines: lines.length, units };

  function write({ tokens, block, unit }: Node, depth: number): void {
    const firstLine = lines.length + 1;
    const head = `${'\t'.repeat(depth)}${tokens.map(printToken).join(' ')}`;
    if (!block) lines.push(head);
    else {
      lines.push(`${head}${tokens.length > 0 ? ' ' : ''}{`);
      for (const inner of block) write(inner, depth + 1);
      lines.push(`${'\t'.repeat(depth)}}`);
    }
    if (unit !== undefined) units.push({ unit, firstLine, lastLine: lines.length });
  }
});
