import { holds, type CharacterSet } from './character-set.ts';
import type { Node } from './parse.ts';

/** Characters that patterns tell apart, plain ones first. */
const TOLD_APART = ['a', '0', 'z', '9', 'A', '-', '.', '_', '/', '~', ' '];
/** How often what may be repeated is there, where it may be so often. */
const TIMES = [0, 1, 3];

/** How one text is made: the character that stands where it may, how often repeats are there, and which alternative is taken. */
interface Manner {
  readonly char: string;
  readonly times: number;
  readonly choice: number;
}

/** Texts that a pattern is likely to match, each made in another manner, the shortest first. Whether one does is for the caller to ask. */
export function samplesOf(tree: Node): readonly string[] {
  const texts = TOLD_APART.flatMap((char, choice) => TIMES.map((times) => textOf(tree, { char, times, choice })));
  return [...new Set(texts)].toSorted((left, right) => left.length - right.length);
}

function textOf(node: Node, manner: Manner): string {
  switch (node.kind) {
    case 'characters':
      return charOf(node.set, manner.char);
    case 'assert':
      return '';
    case 'sequence':
      return node.nodes.map((inner) => textOf(inner, manner)).join('');
    case 'choice': {
      const chosen = node.nodes[manner.choice % node.nodes.length];
      return chosen ? textOf(chosen, manner) : '';
    }
    case 'group':
      return textOf(node.node, manner);
    case 'repeat': {
      const count = Math.min(node.max, Math.max(node.min, manner.times));
      // a plain one at both ends: names do not begin with a hyphen
      const plain = { ...manner, char: TOLD_APART[0] ?? '' };
      const at = (index: number): Manner => (count > 2 && (index === 0 || index === count - 1) ? plain : manner);
      return Array.from({ length: count }, (_, index) => textOf(node.node, at(index))).join('');
    }
    default:
      throw new TypeError(`Cannot make a text: ${JSON.stringify(node satisfies never)}`);
  }
}

function charOf(set: CharacterSet, wanted: string): string {
  const fits = (char: string): boolean => holds(set, char.charCodeAt(0));
  const [[first] = [0x61]] = set;
  return fits(wanted) ? wanted : (TOLD_APART.find(fits) ?? String.fromCharCode(first));
}
