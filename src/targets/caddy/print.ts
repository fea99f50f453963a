import { sha256 } from '../../lib/hash.ts';
import { digest } from '../../model/names.ts';
import type { RenderedFile } from '../../model/rendered.ts';
import type { Node } from './ast.ts';
import { printToken } from './quote.ts';

/** A Caddyfile in the layout of `caddy fmt`, with the line ranges of its units. `heading`: comment lines of ours. */
export function printCaddyfile(
  nodes: readonly Node[],
  { path, heading }: { readonly path: string; readonly heading: readonly string[] },
): RenderedFile {
  const lines: string[] = heading.map((comment) => `# ${comment}`);
  const units: { unit: string; firstLine: number; lastLine: number }[] = [];
  for (const [index, node] of nodes.entries()) {
    if (index > 0) lines.push('');
    write(node, 0);
  }
  const content = `${lines.join('\n')}\n`;
  return { path, content, sha256: digest(sha256(content)), units };

  function write(node: Node, depth: number): void {
    const firstLine = lines.length + 1;
    const head = `${'\t'.repeat(depth)}${node.tokens.map(printToken).join(' ')}`;
    if (!node.block) lines.push(head);
    else {
      lines.push(`${head}${node.tokens.length > 0 ? ' ' : ''}{`);
      for (const inner of node.block) write(inner, depth + 1);
      lines.push(`${'\t'.repeat(depth)}}`);
    }
    if (node.unit !== undefined) units.push({ unit: node.unit, firstLine, lastLine: lines.length });
  }
}
