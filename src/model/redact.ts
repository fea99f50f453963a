import type { Diagnostic, TagSpan } from './diagnostic.ts';

/** What stands in the place of a secret. */
const REDACTED = '[redacted]';
/** The value of a label that lists users with their hashes, of whatever prefix and spelling. */
const USERS_LABEL = /^[^=]*auth\s*\.\s*users(?!file)[^=]*=/i;
/** Hashes as htpasswd writes them (bcrypt, APR1 and its kin, SHA), also with the doubled dollar signs of HCL and compose files. */
const HASH =
  /\${1,2}2[abxy]?\${1,2}\d\d\${1,2}[./A-Za-z0-9]{22,}|\${1,2}(?:apr1|[156])\${1,2}[^$\s]{1,64}\${1,2}[./A-Za-z0-9]{20,}|\{S?SHA\}[A-Za-z0-9+/=]{20,}/g;

/** A stretch of a tag. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** The text of a tag as it may be shown: password hashes are replaced. */
export function redactedTag(tag: string): string {
  return cut(tag, secretsOf(tag));
}

/** A span of a tag as it may be shown: password hashes are replaced, and its offsets are those of the text that is shown. */
export function redactedSpan<Span extends Pick<TagSpan, 'tag' | 'start' | 'end'>>(span: Span): Span {
  const secrets = secretsOf(span.tag);
  if (secrets.length === 0) return span;
  const [start, end] = [shifted(span.start, secrets, 'start'), shifted(span.end, secrets, 'end')];
  return { ...span, tag: cut(span.tag, secrets), start, end: Math.max(start, end) };
}

/** A diagnostic as it may be shown: no hash in its tags nor in its sentences. */
export function redactedDiagnostic(diagnostic: Diagnostic): Diagnostic {
  const { message, hint, span, related } = diagnostic;
  const tags = [...(span ? [span] : []), ...related].map(({ tag }) => tag);
  return {
    ...diagnostic,
    message: redactedText(message, tags),
    ...(hint !== undefined && { hint: redactedText(hint, tags) }),
    ...(span && { span: redactedSpan(span) }),
    related: related.map(redactedSpan),
  };
}

/** Any text without password hashes; what the tags keep secret goes too. */
export function redactedText(text: string, tags: readonly string[] = []): string {
  const secrets = tags.flatMap((tag) =>
    secretsOf(tag).flatMap(({ start, end }) => [tag.slice(start, end), ...wordsOf(tag.slice(start, end))]),
  );
  const plain = secrets.filter((secret) => secret.length > 0).reduce((shown, secret) => shown.replaceAll(secret, REDACTED), text);
  return plain.replace(HASH, REDACTED);
}

function secretsOf(tag: string): readonly Range[] {
  const label = USERS_LABEL.exec(tag);
  if (label) return [{ start: label[0].length, end: tag.length }];
  return [...tag.matchAll(HASH)].map((match) => ({ start: match.index, end: match.index + match[0].length }));
}

/** The entries of a list of users, and their hashes alone. */
function wordsOf(users: string): readonly string[] {
  return users.split(',').flatMap((user) => {
    const entry = user.trim();
    const hash = entry.slice(entry.indexOf(':') + 1);
    return entry.includes(':') ? [entry, ...(hash.length > 3 ? [hash] : [])] : [];
  });
}

function cut(tag: string, secrets: readonly Range[]): string {
  const ends = [0, ...secrets.map(({ end }) => end)];
  return [...secrets.map(({ start }, index) => `${tag.slice(ends[index], start)}${REDACTED}`), tag.slice(ends.at(-1))].join('');
}

/** Where a place of the tag is in the text that is shown; within a secret: its beginning or its end. */
function shifted(place: number, secrets: readonly Range[], side: 'start' | 'end'): number {
  let shift = 0;
  for (const { start, end } of secrets) {
    if (place <= start) break;
    if (place < end) return start + shift + (side === 'start' ? 0 : REDACTED.length);
    shift += REDACTED.length - (end - start);
  }
  return place + shift;
}
