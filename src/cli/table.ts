import Table from 'cli-table3';
import { printable } from '../lib/text.ts';

/** A table without borders. Its last column is as wide as each row needs: one of a megabyte would make every row as long. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
  };
  const inner = { left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' };
  const table = new Table({
    head: head.slice(0, -1),
    chars: { ...none, ...inner },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => row.slice(0, -1).map(printable)));
  const last = [head, ...rows].map((row) => printable(row.at(-1) ?? ''));
  return table
    .toString()
    .split('\n')
    .map((line, index) => `${line}  ${last[index] ?? ''}`.trimEnd())
    .join('\n');
}
