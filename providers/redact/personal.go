package redact

import (
	"regexp"
	"slices"
)

// domains are the ends of addresses that people spell out.
const domains = `(?:com|org|net|edu|gov|io|de|at|ch|fr|es|it|nl|uk|eu|info)`

// birthDay is a date as people write it: 3/4/1985, 1985-04-03, 3. April 1985, April 3rd, 1985.
const birthDay = `\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}(?:st|nd|rd|th|\.)? (?:of |de )?\p{L}{3,10}\.?(?:,? (?:de )?\d{2,4})?|` +
	`\p{L}{3,9}\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{2,4})?`

// numberOf are the words between a noun and its number: "no.", "number is", ":".
const numberOf = `[ _-]?(?:(?:no|nr|num|number|nummer|id)\b\.?)?(?: ?(?:is|ist|est|es|:|#|=))* ?`

// called are the words that announce a phone number.
const called = `(?:tele)?phone|tel|mobile|cell(?: ?phone)?|fax|whatsapp|telefon|handy(?:nummer)?|rufnummer|tel[eé]fono|` +
	`t[eé]l[eé]phone|portable|m[oó]vil|(?:call|text|ring|reach|phone) (?:me|us|him|her|them)|` +
	`my number|contact number|phone number|callback number`

// personal are forms of personal data. Those that words announce come before those that
// stand alone, which they resemble.
var personal = slices.Concat(mails, accounts, ids, births, phones, addresses)

var mails = []pattern{
	mark(kindEmail, `(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}\b`),
	mark(kindEmail, `(?i)\b[a-z0-9_-]+(?:(?: dot |\.)[a-z0-9_-]+)* ?(?: at |\(at\)|\[at\]) ?`+
		`[a-z0-9-]+(?: ?(?: dot |\(dot\)|\[dot\]) ?[a-z0-9-]+)*? ?(?: dot |\(dot\)|\[dot\]) ?`+domains+`\b`),
	mark(kindEmail, `(?i)\b[a-z0-9._-]+ ?(?:\(at\)|\[at\]) ?[a-z0-9-]+\.[a-z]{2,}\b`),
}

// accounts are numbers of accounts and cards, and addresses on networks.
var accounts = []pattern{
	{kindIBAN, regexp.MustCompile(`(?i)\b[a-z]{2}\d{2}( ?[a-z0-9]{4}){2,7}( ?[a-z0-9]{1,4})?\b`), checked(iban)},
	{kindCard, regexp.MustCompile(`\b\d(?:[ -]?\d){12,24}\b`), checked(card)},
	said(kindCard, `(?:cvv|cvc|cvv2|cvc2|security code|pr[uü]fziffer)`+numberOf, `\d{3,4}`),
	said(kindCard, `(?:exp(?:\.|iry|ires|iration)?(?: date)?|valid (?:until|thru)|g[uü]ltig bis)(?: ?(?:is|ist|on|:))* ?`,
		`(?:0?[1-9]|1[0-2]) ?[/-] ?\d{2}(?:\d{2})?`),
	mark(kindIP, `\b(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}\b`).but(notPublic),
	mark(kindIP, `(?i)\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b`),
}

// ids are numbers that states give to people.
var ids = []pattern{
	mark(kindID, `\b\d{3}-\d{2}-\d{4}\b`),
	said(kindID, `(?:ssn|social(?: security)?|sin|tax(?:payer)? id|tin|itin|steuer-?id|idnr|aadhaar|bsn|nif|cpf|pesel|`+
		`national (?:id|insurance)|personalausweis|ausweis|rentenversicherung|sozialversicherung)`+numberOf,
		`\d(?:[ -]?\d){7,13}`),
	said(kindID, `(?:passport|reisepass|passeport|pasaporte|passnummer|driver'?s? licen[cs]e|driving licen[cs]e|licen[cs]e|`+
		`f[uü]hrerschein|id card|identity card|personalausweis|ausweis|dni|nie|nhs|medicare)`+numberOf,
		`[a-z]{0,5}-?\d[a-z0-9]{4,13}`),
	mark(kindID, `\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b`), // United Kingdom
	{kindID, regexp.MustCompile(`\b(?:\d{8}|[XYZ]\d{7})-?[A-Z]\b`), checked(dni)},       // Spain
	mark(kindID, `\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b`),                   // Italy
	{kindID, regexp.MustCompile(`\b[12] ?\d{2} ?[01]\d ?\d{2} ?\d{3} ?\d{3} ?\d{2}\b`), checked(nir)},
	mark(kindID, `\b\d{3}\.\d{3}\.\d{3}-\d{2}\b`),           // Brazil
	mark(kindID, `\b756\.\d{4}\.\d{4}\.\d{2}\b`),            // Switzerland
	mark(kindID, `\b[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]\b`), // India
	{kindID, regexp.MustCompile(`\b\d{17}[\dX]\b`), checked(resident)},
}

// births are dates that are said to be a birthday.
var births = []pattern{
	said(kindBirth, `(?:(?:my |his |her )?(?:date of birth|birth ?date|birthday|d\.?o\.?b\.?)|i(?:'m| was| am)? born|`+
		`geburtsdatum|geburtstag|geboren(?: am)?|geb\.|date de naissance|n[ée]e? le|fecha de nacimiento|nacid[oa] el|`+
		`data di nascita|nat[oa] il|data de nascimento)(?: ?(?:is|was|ist|est|es|on|am|in|the|:|=))* ?`,
		birthDay+`|(?:19|20)\d{2}`),
	mark(kindBirth, `(?i)\b(?:ich bin|ich wurde) am (?P<it>`+birthDay+`) geboren\b`),
}

var phones = []pattern{
	said(kindPhone, `(?:`+called+`)\b[^\d+(\n]{0,20}`, `[+(]?\d(?:[ ().\-/]{0,2}\d){5,14}`),
	mark(kindPhone, `\+\d{1,3}[ .\-/]?(\(\d{1,4}\)|\d{1,4})([ .\-/]?\d{2,4}){2,4}\b`),
	mark(kindPhone, `\b00\d{2}[ .\-/]?(\(\d{1,4}\)|\d{1,4})([ .\-/]?\d{2,4}){2,4}\b`),
	mark(kindPhone, `(?:^|[^\w$€£+*/=-]|[^\d]-)(?P<it>(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})`+
		`(?:$|[^\w=+*/-]|-\D)`),
	mark(kindPhone, `\b0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}\b`),
	mark(kindPhone, `\b0[1-9](?:[ .-]\d{2}){4}\b`),
	mark(kindPhone, `(?:^|[^\w$€£#.,/-])(?P<it>1?[2-9]\d{2}[2-9]\d{6}|0[1-9]\d{8,9})(?:$|[^\w.,%-]|[.,-](?:$|\D))`),
	mark(kindPhone, `\b555[-. ]\d{4}\b`),
}

// direction is the part of an address that says which end of a street is meant.
const direction = `(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?`

// after is what follows on a street: the flat, the town, the state and its code.
const after = `(?:,? (?:(?i:apt|apartment|unit|suite|ste|flat|floor)\.?|#) ?\w{1,5})?` +
	`(?:,? (?:\p{Lu}\p{L}+ ?){1,3},? [A-Z]{2},? \d{5}(?:-\d{4})?|,? \d{4,5} \p{Lu}\p{L}+)?`

var addresses = []pattern{
	mark(kindAddress, `\b\d{1,5}[A-Za-z]?,? `+direction+`(?:(?:\p{Lu}[\p{L}.'’-]*|\d{1,3}(?:st|nd|rd|th)) ){1,4}`+
		`(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Way|Terrace|Ter|Circle|Cir|`+
		`Parkway|Pkwy|Square|Sq|Highway|Hwy|Crescent|Close|Gardens|Alley|Trail)\b\.?(?: (?:N|S|E|W|NE|NW|SE|SW)\b)?`+after),
	mark(kindAddress, `(?i)\b\d{1,5} (?:[a-z'’-]+ ){1,3}(?:street|avenue|boulevard|blvd|road)\b`).but(countsStreets),
	mark(kindAddress, `\b\d{1,5} Broadway\b`+after),
	mark(kindAddress, `(?:\p{Lu}[\p{L}.-]* ){0,2}\p{Lu}?[\p{L}-]*(?i:stra(?:ß|ss)e|str\.|gasse|allee|straat|gracht)`+
		` \d{1,4} ?[a-z]?\b`+after),
	mark(kindAddress, `\b\p{Lu}\p{L}+(?:weg|platz|ring|ufer|damm|steig|plein) \d{1,4} ?[a-z]?\b`+after),
	mark(kindAddress, `\b\d{1,4}(?: ?(?:bis|ter))?,? (?i:rue|avenue|boulevard|place|chemin|all[ée]e|quai|impasse) `+
		`(?:(?:de|du|des|la|le|les) |d['’]|l['’])*\p{Lu}[\p{L}-]*(?: \p{Lu}[\p{L}-]*){0,3}`+after),
	mark(kindAddress, `\b(?:Calle|C/|Avenida|Avda\.|Plaza|Paseo|Carrera|Via|Viale|Piazza|Corso|Largo|Rua) `+
		`(?:(?:de|del|della|dei|la|las|los|da|do) )*\p{Lu}[\p{L}-]*(?: (?:(?:de|del|la) )?\p{Lu}[\p{L}-]*){0,3},?`+
		`(?: n[ºo°.]*)? ?\d{1,4}\b`+after),
	mark(kindAddress, `(?i)\bp\.? ?o\.? box \d{1,6}\b`),
	mark(kindAddress, `\b(?:GIR 0AA|[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2})\b`),
}
