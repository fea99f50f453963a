/** A literal text as part of a regular expression that Go, RE2 and JavaScript read alike; no brace and no quote stays bare. */
export function regexpLiteral(text: string): string {
  return text.replace(/[^A-Za-z0-9_/~-]/g, (char) =>
    /[.*+?^$()[\]\\|]/.test(char) ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
