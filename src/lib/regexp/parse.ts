import { ANY_CHARACTER, between, caseBlind, negated, only, PERL_CLASSES, type CharacterSet } from './character-set.ts';

/** A regular expression as a tree. Groups are numbered from 1 in the order of their opening parentheses. */
export type Node =
  | { readonly kind: 'characters'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly where: 'start' | 'end' | 'wordBoundary' | 'noWordBoundary' }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'group'; readonly index: number; readonly node: Node }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number; readonly lazy: boolean };

/** What a pattern was read as, or why it was not. */
export type Parsed =
  | { readonly kind: 'tree'; readonly node: Node; readonly groups: number }
  | { readonly kind: 'problem'; readonly problem: string };

/** `safe`: what tags may hold. `own`: also what we make ourselves: `(?i)` at the beginning, `\x` and two digits, repeats in repeats. */
export type Grammar = 'safe' | 'own';

const MAX_LENGTH = 256;
const MAX_REPEAT = 1000;
const MAX_STEPS = 4000;
const NOTHING: Node = { kind: 'sequence', nodes: [] };

/** Reads a pattern of a grammar whose every sentence Go, RE2 and JavaScript read alike. */
export function parseRegexp(pattern: string, grammar: Grammar): Parsed {
  if (grammar === 'safe' && pattern.length > MAX_LENGTH)
    return { kind: 'problem', problem: `it has ${pattern.length} characters, expected at most ${MAX_LENGTH}` };
  if (!/^[\x20-\x7e]*$/.test(pattern)) return { kind: 'problem', problem: 'it holds a character outside printable ASCII' };
  const ignoresCase = grammar === 'own' && pattern.startsWith('(?i)');
  let at = ignoresCase ? '(?i)'.length : 0;
  let groups = 0;
  let problem: string | undefined;

  const node = choice();
  if (problem === undefined && at < pattern.length) fail('a `)` closes no group');
  if (problem === undefined && grammar === 'safe' && stepsOf(node) > MAX_STEPS)
    fail(`its repeats stand for ${stepsOf(node)} steps, expected at most ${MAX_STEPS}`);
  return problem === undefined ? { kind: 'tree', node, groups } : { kind: 'problem', problem };

  function fail(reason: string): Node {
    problem ??= reason;
    return NOTHING;
  }

  function isSound(): boolean {
    return problem === undefined;
  }

  function takes(text: string): boolean {
    if (!pattern.startsWith(text, at)) return false;
    at += text.length;
    return true;
  }

  function choice(): Node {
    const options = [sequence()];
    while (isSound() && takes('|')) options.push(sequence());
    return options.length === 1 ? (options[0] ?? NOTHING) : { kind: 'choice', nodes: options };
  }

  function sequence(): Node {
    const nodes: Node[] = [];
    while (isSound() && at < pattern.length && !'|)'.includes(pattern.charAt(at))) nodes.push(repeat(atom()));
    return { kind: 'sequence', nodes };
  }

  function atom(): Node {
    const char = pattern.charAt(at);
    if (char === '(') return group();
    if (char === '[') return characterClass();
    if (char === '\\') return escape();
    if (/[*+?{}\]]/.test(char)) return fail(`"${char}" stands where nothing can be repeated`);
    at += 1;
    if (char === '^' || char === '$') return { kind: 'assert', where: char === '^' ? 'start' : 'end' };
    return char === '.' ? { kind: 'characters', set: ANY_CHARACTER } : characters(only(char));
  }

  function characters(set: CharacterSet): Node {
    return { kind: 'characters', set: ignoresCase ? caseBlind(set) : set };
  }

  function group(): Node {
    if (pattern.startsWith('(?', at) && !pattern.startsWith('(?:', at)) return fail('only groups `( )` and `(?: )` are allowed');
    const captures = !takes('(?:') && takes('(');
    const index = captures ? (groups += 1) : 0;
    const node = choice();
    if (problem !== undefined || !takes(')')) return fail('a group is not closed');
    return captures ? { kind: 'group', index, node } : node;
  }

  function escape(): Node {
    const char = pattern.charAt(at + 1);
    if (char === 'b' || char === 'B') {
      at += 2;
      return { kind: 'assert', where: char === 'b' ? 'wordBoundary' : 'noWordBoundary' };
    }
    const set = escaped(/[.*+?^$()[\]{}\\|/@:~-]/);
    return set ? characters(set) : fail(`the escape "${pattern.slice(at, at + 2)}" is not allowed`);
  }

  /** The set of the escape that stands here; undefined, and nothing taken, where it is none. */
  function escaped(literal: RegExp): CharacterSet | undefined {
    const char = pattern.charAt(at + 1);
    const perl = PERL_CLASSES.get(char);
    const hex = grammar === 'own' ? /^\\x([0-9a-f]{2})/i.exec(pattern.slice(at, at + 4)) : null;
    if (hex) {
      at += 4;
      return only(String.fromCodePoint(Number.parseInt(hex[1] ?? '', 16)));
    }
    if (!perl && !literal.test(char)) return undefined;
    at += 2;
    return perl ?? only(char);
  }

  function characterClass(): Node {
    at += 1;
    const isNegated = takes('^');
    const sets: CharacterSet[] = [];
    while (isSound() && at < pattern.length && pattern.charAt(at) !== ']') sets.push(classItem());
    if (problem !== undefined || sets.length === 0 || !takes(']')) return fail('a character class cannot be read');
    const set = ignoresCase ? caseBlind(sets.flat()) : sets.flat();
    return { kind: 'characters', set: isNegated ? negated(set) : set };
  }

  /** One character, one range, or one of `\d \w \s` with their opposites. */
  function classItem(): CharacterSet {
    const low = classCharacter();
    if (pattern.charAt(at) !== '-' || pattern.charAt(at + 1) === ']' || typeof low !== 'string')
      return typeof low === 'string' ? only(low) : low;
    at += 1;
    const high = classCharacter();
    if (typeof high !== 'string') fail('a range in a character class ends in a class');
    else if (low > high) fail('a range in a character class runs backwards');
    return typeof high === 'string' ? between(low, high) : [];
  }

  function classCharacter(): string | CharacterSet {
    const char = pattern.charAt(at);
    if (char === '\\') {
      const start = at;
      const set = escaped(/[.*+?^$()[\]{}\\|/-]/);
      if (!set) fail('a character class cannot be read');
      const isOne = set && (at - start > 2 || !PERL_CLASSES.has(pattern.charAt(start + 1)));
      return isOne ? String.fromCodePoint(set[0]?.[0] ?? 0) : (set ?? []);
    }
    if (char === '[' || char === '') fail('a character class cannot be read');
    at += 1;
    return char;
  }

  function repeat(node: Node): Node {
    const found = /^(?:[*+?]|\{(\d{1,5})(,(\d{0,5}))?\})(\??)/.exec(pattern.slice(at, at + 16));
    if (problem !== undefined || !found) return node;
    at += found[0].length;
    const [min, max] = boundsOf(found);
    if (min > MAX_REPEAT || (max > MAX_REPEAT && max !== Number.POSITIVE_INFINITY) || max < min)
      return fail(`a repeat is out of range, expected at most ${MAX_REPEAT}`);
    if (/[*+?{]/.test(pattern.charAt(at))) return fail('a repeat follows another repeat');
    if (grammar === 'safe' && !found[0].startsWith('?') && repeats(node)) return fail('a repeat stands inside another repeat');
    return { kind: 'repeat', node, min, max, lazy: found[4] === '?' };
  }
}

function boundsOf([text, low, comma, high]: RegExpExecArray): readonly [number, number] {
  const infinite = Number.POSITIVE_INFINITY;
  if (low === undefined) return text.startsWith('*') ? [0, infinite] : text.startsWith('+') ? [1, infinite] : [0, 1];
  if (comma === undefined) return [Number(low), Number(low)];
  return [Number(low), high ? Number(high) : infinite];
}

/** Whether a part holds a quantifier other than `?`: such a part must not be repeated again. */
function repeats(node: Node): boolean {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      return node.nodes.some(repeats);
    case 'group':
      return repeats(node.node);
    case 'repeat':
      return node.max > 1 || node.min > 0 || repeats(node.node);
    default:
      return false;
  }
}

/** About how many steps a matcher has for a part. */
function stepsOf(node: Node): number {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      return node.nodes.reduce((sum, part) => sum + stepsOf(part) + 1, 0);
    case 'group':
      return stepsOf(node.node) + 2;
    case 'repeat':
      return (stepsOf(node.node) + 1) * Math.max(1, node.min, Number.isFinite(node.max) ? node.max : 0);
    default:
      return 1;
  }
}
