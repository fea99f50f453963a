import type { CharacterSet } from './character-set.ts';
import type { Node } from './parse.ts';

/**
 * One step of a matcher. Positions are indexes into the program; where a `split` goes first is preferred.
 * The steps are Go's (golang/go:src/regexp/syntax/prog.go).
 */
export type Step =
  | { readonly kind: 'characters'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly where: Extract<Node, { kind: 'assert' }>['where'] }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'split'; readonly first: number; readonly second: number }
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'match' };

/** The steps of a tree. Slots 0 and 1 are the whole match, 2n and 2n + 1 group n. */
export function programOf(tree: Node): readonly Step[] {
  const steps: Step[] = [{ kind: 'save', slot: 0 }];
  emit(tree);
  steps.push({ kind: 'save', slot: 1 }, { kind: 'match' });
  return steps;

  function emit(node: Node): void {
    switch (node.kind) {
      case 'characters':
      case 'assert':
        steps.push(node);
        return;
      case 'sequence':
        for (const part of node.nodes) emit(part);
        return;
      case 'choice':
        emitChoice(node.nodes);
        return;
      case 'group':
        steps.push({ kind: 'save', slot: node.index * 2 });
        emit(node.node);
        steps.push({ kind: 'save', slot: node.index * 2 + 1 });
        return;
      case 'repeat':
        emitRepeat(node);
        return;
      default:
        throw new TypeError(`Cannot compile a regular expression: ${JSON.stringify(node satisfies never)}`);
    }
  }

  function emitChoice(options: readonly Node[]): void {
    const [first, ...rest] = options;
    if (!first) return;
    if (rest.length === 0) return emit(first);
    const split = reserve();
    emit(first);
    const end = reserve();
    steps[split] = { kind: 'split', first: split + 1, second: steps.length };
    emitChoice(rest);
    steps[end] = { kind: 'jump', to: steps.length };
  }

  /** `x{2,4}` is `xx(x(x)?)?` and `x{2,}` is `xx+`, as in Go. */
  function emitRepeat({ node, min, max, lazy }: Extract<Node, { kind: 'repeat' }>): void {
    if (max === Number.POSITIVE_INFINITY) {
      for (let copy = 1; copy < min; copy += 1) emit(node);
      if (min > 0) return emitPlus(node, lazy);
      // a body that may be empty is `(x+)?`: an empty round counts where it is preferred (golang/go issue 46123)
      return isNullable(node) ? emitOptional(() => emitPlus(node, lazy), lazy) : emitStar(node, lazy);
    }
    for (let copy = 0; copy < min; copy += 1) emit(node);
    const ends: number[] = [];
    for (let copy = min; copy < max; copy += 1) {
      ends.push(reserve());
      emit(node);
    }
    for (const split of ends) steps[split] = splitOf(split + 1, steps.length, lazy);
  }

  function emitOptional(body: () => void, lazy: boolean): void {
    const split = reserve();
    body();
    steps[split] = splitOf(split + 1, steps.length, lazy);
  }

  function emitStar(node: Node, lazy: boolean): void {
    const split = reserve();
    emit(node);
    steps.push({ kind: 'jump', to: split });
    steps[split] = splitOf(split + 1, steps.length, lazy);
  }

  function emitPlus(node: Node, lazy: boolean): void {
    const start = steps.length;
    emit(node);
    steps.push(splitOf(start, steps.length + 1, lazy));
  }

  function reserve(): number {
    return steps.push({ kind: 'match' }) - 1;
  }
}

function splitOf(into: number, past: number, lazy: boolean): Step {
  return lazy ? { kind: 'split', first: past, second: into } : { kind: 'split', first: into, second: past };
}

/** Whether a part can match nothing. */
function isNullable(node: Node): boolean {
  switch (node.kind) {
    case 'characters':
      return false;
    case 'assert':
      return true;
    case 'sequence':
      return node.nodes.every(isNullable);
    case 'choice':
      return node.nodes.some(isNullable);
    case 'group':
      return isNullable(node.node);
    case 'repeat':
      return node.min === 0 || isNullable(node.node);
    default:
      throw new TypeError(`Cannot read a regular expression: ${JSON.stringify(node satisfies never)}`);
  }
}
