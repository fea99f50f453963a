import type { Rule } from './rule.ts';

/** A rule as Traefik reads it; every value goes through `quoteValue`. */
export function printRule(rule: Rule): string {
  switch (rule.kind) {
    case 'call':
      return `${rule.matcher}(${rule.args.map(quoteValue).join(', ')})`;
    case 'not':
      return `!(${printRule(rule.rule)})`;
    case 'and':
    case 'or': {
      const [first, ...more] = rule.rules;
      if (!first) throw new RangeError('Cannot print an empty rule');
      if (more.length === 0) return printRule(first);
      const joined = rule.rules.map(printRule).join(rule.kind === 'and' ? ' && ' : ' || ');
      return rule.kind === 'or' ? `(${joined})` : joined;
    }
    default:
      throw new TypeError(`Cannot print a rule: ${JSON.stringify(rule satisfies never)}`);
  }
}

/** A value between backticks, or as a Go string where it holds a backtick or anything but printable ASCII. */
export function quoteValue(value: string): string {
  if (/^[\x20-\x5f\x61-\x7e]*$/.test(value)) return `\`${value}\``;
  const escaped = value.replace(/[^\x20-\x7e]|["\\]/gu, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\U${(char.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  );
  return `"${escaped}"`;
}

/** Literal text in the replacement of a redirect: `$` begins a group there. */
export function replacementText(text: string): string {
  return text.replaceAll('$', '$$$$');
}
