/** A text with its variables replaced. */
export interface Expanded {
  readonly text: string;
  /** Names that stand for nothing. */
  readonly lost: readonly string[];
}

/**
 * `$NAME`, `${NAME}` and `$` before one of `*#$@!?-0…9`, as Go's os.Expand: only names in `variables` have a value, every other becomes
 * nothing; a `$` before anything else stays.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): Expanded {
  const lost: string[] = [];
  const expanded = text.replace(
    /\$(?:\{([^}]*)\}|\{|([A-Za-z_][A-Za-z0-9_]*)|([*#$@!?\-0-9]))/g,
    (_all, braced?: string, name?: string, special?: string) => {
      const key = braced ?? name ?? special ?? '';
      const value = variables.get(key);
      if (value === undefined) lost.push(key);
      return value ?? '';
    },
  );
  return { text: expanded, lost };
}
