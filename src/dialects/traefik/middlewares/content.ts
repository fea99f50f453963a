import { boolOf, fieldOf, listIn, numberOf, textOf } from '../items.ts';
import { badValue, NO_MIDDLEWARE, only, type MiddlewareReader } from './reading.ts';

const ENCODINGS: readonly string[] = ['gzip', 'br', 'zstd'];

/** `compress`. */
export const readCompress: MiddlewareReader = (item, { tell }) => {
  const encodings = listIn(item, 'compress.encodings');
  const defaultEncoding = textOf(item, 'compress.defaultEncoding') ?? '';
  const allowed = encodings.length > 0 ? encodings : ENCODINGS;
  if (!encodings.every((encoding) => ENCODINGS.includes(encoding)))
    return badValue(item, { field: fieldOf(item, 'compress.encodings'), expected: `some of ${ENCODINGS.join(', ')}` }, tell);
  if (defaultEncoding !== '' && !allowed.includes(defaultEncoding))
    return badValue(item, { field: fieldOf(item, 'compress.defaultEncoding'), expected: `one of ${allowed.join(', ')}` }, tell);
  const [included, excluded] = [listIn(item, 'compress.includedContentTypes'), listIn(item, 'compress.excludedContentTypes')];
  if (included.length > 0 && excluded.length > 0)
    return badValue(item, { expected: 'includedContentTypes or excludedContentTypes, not both' }, tell);
  if (![...included, ...excluded].every(isMediaType)) return badValue(item, { expected: 'media types such as text/html' }, tell);
  const minBytes = numberOf(item, 'compress.minResponseBodyBytes') ?? 0;
  return only({
    kind: 'compress',
    ...(encodings.length > 0 && { encodings }),
    ...(defaultEncoding !== '' && { defaultEncoding }),
    ...(included.length > 0 && { includedContentTypes: included.map(withoutParameters) }),
    ...(excluded.length > 0 && { excludedContentTypes: excluded.map(withoutParameters) }),
    ...(minBytes > 0 && { minBytes }),
  });
};

/** `contentType`. */
export const readContentType: MiddlewareReader = (item) =>
  boolOf(item, 'contentType.autoDetect') === false ? NO_MIDDLEWARE : only({ kind: 'contentType' });

/** `grpcWeb`. */
export const readGrpcWeb: MiddlewareReader = (item) => {
  const allowOrigins = listIn(item, 'grpcWeb.allowOrigins').filter((origin) => origin !== '');
  return only({ kind: 'grpcWeb', allowOrigins });
};

const DN = ['commonName', 'country', 'domainComponent', 'locality', 'organization', 'province', 'serialNumber'] as const;
const INFO = [
  ...DN.map((field) => `issuer.${field}` as const),
  'notAfter',
  'notBefore',
  'sans',
  'serialNumber',
  ...DN.map((field) => `subject.${field}` as const),
  'subject.organizationalUnit',
] as const;

/** `passTLSClientCert`. */
export const readPassTlsClientCert: MiddlewareReader = (item) => {
  const info = INFO.filter((field) => boolOf(item, `passTLSClientCert.info.${field}`)).toSorted();
  const pem = boolOf(item, 'passTLSClientCert.pem') ?? false;
  return pem || info.length > 0 ? only({ kind: 'passTlsClientCert', pem, info }) : NO_MIDDLEWARE;
};

const CHARACTERS = [
  ['backSlash', 'allowEncodedBackSlash'],
  ['hash', 'allowEncodedHash'],
  ['nullCharacter', 'allowEncodedNullCharacter'],
  ['percent', 'allowEncodedPercent'],
  ['questionMark', 'allowEncodedQuestionMark'],
  ['semicolon', 'allowEncodedSemicolon'],
  ['slash', 'allowEncodedSlash'],
] as const;

/** `encodedCharacters`: what is not allowed is refused. */
export const readEncodedCharacters: MiddlewareReader = (item) => {
  const allowed = CHARACTERS.flatMap(([character, key]) => (boolOf(item, `encodedCharacters.${key}`) ? [character] : []));
  return only({ kind: 'encodedCharacters', allowed });
};

function isMediaType(text: string): boolean {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+ *(?:;.*)?$/.test(text);
}

function withoutParameters(mediaType: string): string {
  return mediaType.replace(/ *;.*$/, '').toLowerCase();
}
