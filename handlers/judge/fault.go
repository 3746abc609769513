package judge

import "regexp"

// faults are the openings of errors' texts, in lower case.
var faults = []*regexp.Regexp{
	regexp.MustCompile(`^(internal )?(server )?error( code)?:? ?\d*\b.{0,3}$`),
	regexp.MustCompile(`^(fatal |runtime |internal |server |api |http |network |unknown )*(error|exception|` +
		`failure)( \d+)?\s?[:\-(\[]`),
	regexp.MustCompile(`^\[?(error|fatal|exception|critical|warn(ing)?)\]`),
	regexp.MustCompile(`^(error |status )?code:? ?(0x[0-9a-f]+|\d{3,})`),
	regexp.MustCompile(`\b0x[0-9a-f]{8}\b.{0,80}$`),
	regexp.MustCompile(`^(error )?(http(/\d(\.\d)?)? )?(status (code )?)?[45]\d\d\b[ :\-]*` +
		`(bad|unauth|forbidden|not found|too many|internal|service|gateway|server|client|error)`),
	regexp.MustCompile(`\bstatus( code)?:? [45]\d\d\b`),
	regexp.MustCompile(`^(internal server error|bad gateway|service (is )?(temporarily |` +
		`currently )?unavailable\W*$|` +
		`(gateway|request|connection|operation|read) time(d)?[- ]?out|too many requests|rate limit|` +
		`upstream connect error|` +
		`connection (was )?(refused|reset|timed out|aborted|closed|error|lost)|(request|query|job|task|` +
		`execution) failed|` +
		`permission denied|access denied|out of memory|segmentation fault|core dumped|stack overflow|` +
		`quota exceeded)`),
	regexp.MustCompile(`^(traceback \(most recent call last\)|panic:|unhandled (exception|error|promise)|` +
		`exception in thread|` +
		`caused by:|stack ?trace|goroutine \d+ )`),
	regexp.MustCompile(`^([a-z]+\.)*[a-z]*(error|exception)\s?:\s`),
	regexp.MustCompile(`\b(null ?pointer ?exception|econn(refused|reset|aborted)|etimedout|enotfound|enoent|` +
		`cannot read propert(y|ies)|is not a function\b|(object|value) is not (iterable|defined)|max_tokens|` +
		`rate_limit_exceeded|insufficient_quota|context_length_exceeded|internal_error|server_error)`),
	regexp.MustCompile(`^(sorry,? |oops[!.,]* |uh[- ]oh[!.,]* |whoops[!.,]* |hmm+[!.,]* )?(an?|an unexpected|` +
		`an internal|unknown|` +
		`some) ?((server|unexpected|internal|unknown|network|technical) )*(error|problem|failure) (has |` +
		`have )?(occurred|happened)`),
	regexp.MustCompile(`^(oops|uh[- ]oh|whoops)\b[!.,]*.{0,60}\b(wrong|error|broke|failed|crash|problem|again)`),
	regexp.MustCompile(`^(sorry,? |we're sorry,? |i'm sorry,? )?(but )?something (has |just )?(went|gone) wrong`),
	regexp.MustCompile(`\b(model|server|service|system|api|backend|endpoint|engine) (is|are|was) (currently |` +
		`temporarily |now )*` +
		`(overloaded|overwhelmed|unreachable|not responding|offline|not loaded|loading|at capacity|busy)\b`),
	regexp.MustCompile(`^(sorry,? |we're sorry,? )?(we|the (server|service|system|model)) (is|are|('|` +
		`a)re) (currently )?experiencing ` +
		`(technical|high|heavy|issues|an outage)`),
	regexp.MustCompile(`^(failed|unable|could not|couldn't|cannot) (to )?(fetch|connect|load|parse|reach|` +
		`process|generate|complete|` +
		`retrieve|decode|open|resolve|establish|allocate|get)\b.{0,120}$`),
	regexp.MustCompile(`^(sorry,? |we're sorry,? )?(but )?(the |our |this )?(\w+ )?(systems?|servers?|services?|` +
		`assistant|backend|model|network) ` +
		`(has |have |is |are |just )*(crashed|down\b|offline|failed|stopped|temporarily (offline|unavailable|down)).{0,50}$`),
	regexp.MustCompile(`^(sorry,? )?(an? )?(temporary|technical|internal|unexpected|unknown) (glitch|issue|problem|` +
		`failure|outage|condition|` +
		`token|end of|response|hiccup)\b`),
	regexp.MustCompile(`^((sorry,? )?(we|i)('re| are| am|'m) having (trouble|difficult(y|ies)|problems|issues) (reaching|` +
		`connecting|contacting|` +
		`accessing|loading|processing)|we hit a snag|something('s| is| was) (not right|wrong) on our|hmm.{0,20}(did not|` +
		`didn't) work)`),
	regexp.MustCompile(`\bunusually high (demand|load|traffic)\b|^.{0,40}deadline exceeded|^(\w+ ){0,2}handshake failed|` +
		`finish_reason|` +
		`^segfault|^err_[a-z_]+|^e_[a-z_]+\W*$|^\[(object \w+|no content.*|empty.*)\]$|^upstream (request|connect|worker|` +
		`server|error)`),
	regexp.MustCompile(`^(session (has )?expired|time(d)?[- ]?out (while|waiting|after|exceeded|of)|failed[:,]|` +
		`(syntax|type|value|key|runtime|import|reference|range|index|attribute|name|os|io)error (near|at|in|on) |request id\b|` +
		`(the |your |this )?request (could not|couldn't|can not|cannot) be (processed|completed|handled|served)|` +
		`(the |your |this )?request (failed|timed out|was aborted|aborted))`),
	regexp.MustCompile(`^\{\s*"?(status|code)"?\s*:\s*"?[45]\d\d`),
	regexp.MustCompile(`^(please )?(try|retry) again( later| in a (few|moment)| soon)?[.! ]*$`),
	regexp.MustCompile(`^(no response( (received|from \w+))?|empty response|response (is )?(empty|blocked|` +
		`truncated)|content (blocked|filtered))\W*$`),
	regexp.MustCompile(`^\{\s*"?(error|errors|fault|exception|detail|status_?code)"?\s*:`),
	regexp.MustCompile(`^<(!doctype html|html|\?xml.{0,80}<(error|fault))\b`),
	regexp.MustCompile(`^(null|undefined|none|nan|nil|void|n/?a|\[object object\]|\{\}|\[\])\W*$`),
	regexp.MustCompile(`\b(es ist (ein|leider ein) (\p{L}+ )?fehler aufgetreten|se ha producido un error|` +
		`(ha )?ocurri(ó|do) un error|` +
		`une erreur (\p{L}+ )?(s'est produite|est survenue)|si è verifica\p{L}+ un errore|ocorreu um erro|` +
		`er is een fout opgetreden|` +
		`wystąpił błąd|bir hata oluştu)|произошла ошибка|出错了|发生错误|發生錯誤|エラーが発生|오류가 발생`),
}
