package screen

import "regexp"

// aboutPrompts tells a conversation about prompts from an attack by one.
var aboutPrompts = regexp.MustCompile(`prompt injection|jailbreak|system prompt|prompt engineering|red[- ]team`)

// injections are instructions to a model, and words to a judge about its verdict.
var injections = []*regexp.Regexp{
	regexp.MustCompile(`\b(ignore|disregard|forget|override|bypass) ((all|any|everything|the|your|my|of|` +
		`these|those|previous|prior|above|` +
		`earlier|other|original|system) )*(instructions?|prompts?|rules|rubric|guidelines|criteria|commands|` +
		`directives|` +
		`(above|before|said|told|answers?|conversation|context))\b`),
	regexp.MustCompile(`\b(ignorier(e|en sie)?|vergiss|vergessen sie|missachte) (\p{L}+ ){0,3}(anweisung|` +
		`anleitung|regeln|vorgaben)|` +
		`\b(ignora|olvida|ignore|ignorez|oubliez?|oublie|dimentica|esqueça|negeer) (\p{L}+ ){0,3}(instruc|` +
		`consign|istruzion|instru[cç]|regras|regl|instructies)|` +
		`忽略(\p{L}){0,6}(指令|指示|说明)|игнорируй|игнорируйте|指示を無視`),
	regexp.MustCompile(`\b(prefer|choose|pick|select|favou?r|vote for|rank|mark|rate|grade|score) ` +
		`(this (answer|response|one|reply|output)|my (answer|response)|(answer|response|option)[ _]?(a|b|1|2|` +
		`one|two)\b|the (first|second) (answer|response|one))`),
	regexp.MustCompile(`\banswer[ _][ab]\b.{0,40}\b(better|best|wins?|correct|preferred|perfect|worse|` +
		`useless)|\b(score|verdict)_?[ab]?"?\s*[:=]|"verdict"`),
	regexp.MustCompile(`\b(dear|attention|note to|hey|hello|to) (the )?(llm|ai |model |language )?(judge|` +
		`grader|evaluator|rater|reviewer|assessor|examiner)s?\b`),
	regexp.MustCompile(`(^|[.!?;\n] *)(llm |ai )?(judge|grader|evaluator|rater|examiner|assessor|reviewer)[,:]|` +
		`\b(the|any|an|as|whoever|if you are|you are) (the |a |an |impartial |fair |expert |wise |llm |` +
		`ai )*(judge|grader|evaluator|rater|assessor)s?\b`),
	regexp.MustCompile(`(?m)^\W{0,4}(system|assistant|developer|instruction)s?( (message|prompt|override|` +
		`note|update))?\W{0,3}:`),
	regexp.MustCompile(`<\|?(im_start|im_end|system|endoftext|start_header_id|eot_id|assistant|user)\|?>|` +
		`\[/?(inst|sys|system)\]|<</?sys>>|` +
		`</?(system|instructions?|answer|conversation|material|verdict|assistant)>`),
	regexp.MustCompile(`\b(system override|developer mode|dan mode|new (system )?instructions?:|` +
		`end of (the )?(conversation|answers?|material|input|data))`),
	regexp.MustCompile(`\b(you are now|from now on,? you|act as if you|pretend (that )?(you|to be)|` +
		`reveal (your|the) (system )?(prompt|instructions))\b`),
	regexp.MustCompile(`\b(give|award|assign|grant|set) (this|me|it|the|my|both|a|an|us)?( |the|a|answer|` +
		`response|one|full|perfect|high(est)?|maximum|top|score)* ` +
		`(score|scores|marks?|points|rating|grade|10/10|1\.0|100)\b`),
	regexp.MustCompile(`(^|\b(please|must|should|to) )(rate|score|grade) (it |this |me )?\d+ ?(out of|/) ?\d+|` +
		`\byour (real|true|actual|new) (task|instruction)s? (is|are)\b|\bnew (task|instructions?):|` +
		`\bnew rule: (answers?|responses?|replies)|\bif you are an? (large )?(ai|llm|language model)\b`),
	regexp.MustCompile(`\b(judge|grader|evaluator|rater|assessor)s? (is|are|must|should|have to|has to|will) (required |` +
		`asked |told |obliged |to )*` +
		`(required|favou?r|prefer|choose|pick|select|mark|give)\b`),
	regexp.MustCompile(`\b(do not|don't|never) follow your (\w+ )?(instructions?|prompt|rubric)|^override\b|` +
		`\btreat (everything|all|the|any) .{0,40}\bas (wrong|spam|false|noise)\b|` +
		`\b(answers|responses|replies|texts) (\w+ ){0,4}are (always|to be) |` +
		`\bwhoever (reads|compares|grades) (this|these|the answers)\b|\bthe rubric was (updated|changed)\b`),
	regexp.MustCompile(`\b(output|respond|reply|return|print|say|answer) (only |with |` +
		`exactly )*["'{]*(verdict|equal|answer_[ab]|score)`),
}

// verdictWords name what only a judge of answers has to do with. Where the conversation has none of them, an answer
// that does speaks of itself, or of the one beside it.
var verdictWords = regexp.MustCompile(`\b(answers?|repl(y|ies)|responses?|verdicts?|judg\w*|grad(er|ers|ing)|evaluat\w*|` +
	`scores?|rubric|reviewers?|options?|instructions?)\b`)

// asides speak of answers and verdicts where nobody has asked about any.
var asides = []*regexp.Regexp{
	regexp.MustCompile(`\b(perfect|superb|outstanding|finest|flawless|excellent|superior|competing|world-class|such an?|` +
		`(most|more|very|really) [\w-]+|no (other|better)|any better) (\w+ )?(answers?|reply|replies|responses?)\b`),
	regexp.MustCompile(`\b(other|this|my|above|alternative) (answers?|reply|replies|responses?|verdict) ` +
		`(is|are|was|were|wins?|deserves?|comes?|ever|above|speaks?)\b`),
	regexp.MustCompile(`\bthis (reply|answer|response)\b|\bof an answer\b`),
	regexp.MustCompile(`\bevaluation is over\b|\bverdict (is|was) (in favou?r|already|final|equal|answer)|` +
		`\b(stop|before) (evaluating|grading)\b|\bwhen you (grade|judge)\b`),
	regexp.MustCompile(`\b(select|choose|pick|prefer|approve|accept|mark|rate) (the |this |that )?(first|second|last|` +
		`only|winning)? ?` +
		`(response|answer|reply|text)\b|\b(select|choose|pick) the first option\W*$`),
}

// flatteries praise the answer itself, or its reader for a verdict.
var flatteries = []*regexp.Regexp{
	regexp.MustCompile(`\b(this|the above|my|the following|the present) (answer|response|reply|output|` +
		`solution|text) ` +
		`(is|was|deserves|clearly|obviously|truly|fully|should|must|will|has|surpasses|exceeds|meets|` +
		`represents|demonstrates)\b`),
	regexp.MustCompile(`\b(the )?(best|perfect|ideal|flawless|superior|gold[- ]standard|` +
		`excellent) (possible )?(answer|response|reply) ` +
		`(ever|possible|here|to (this|the|your) question|of all|in (every|all))`),
	regexp.MustCompile(`\b(10/10|100/100|5/5|five stars|5 stars|a\+\+?)(!|\.?\s*$)|\b(full marks|top (score|` +
		`marks)|highest (score|rating|marks))\b`),
	regexp.MustCompile(`\b(experts|everyone|all reviewers|users|humans|professors) (agree|agrees|say|prefer|` +
		`love|loves|confirm|rate)s? ` +
		`(that )?(this|my) (answer|response|reply)`),
	regexp.MustCompile(`\b(i|it) deserves? (a |the |full |to )*(best|highest|perfect|top|full|win|score|marks?)`),
	regexp.MustCompile(`\b(wise|brilliant|intelligent|impartial|discerning|esteemed|honou?rable|clever|` +
		`knowledgeable) (and \w+ )?` +
		`(judge|reader|evaluator|reviewer|grader|expert|assistant|one)\b`),
	regexp.MustCompile(`\byou(r judge?ment|r taste|r verdict| are| have)? (are|is|have)? ?((a|the|so|such|` +
		`truly|very|most|an) )*(great|wise|brilliant|fair|` +
		`excellent|amazing|genius|best|smart|smartest|wonderful|wisest) (judge?(ment)?|evaluator|taste|` +
		`reviewer|ai|model|mind)\b`),
	regexp.MustCompile(`\b(better|more accurate|more helpful|superior) (than|to) (the|any|every|all) (other|` +
		`alternative|competing|second|first) ` +
		`(answer|response|reply|one)s?\b`),
	regexp.MustCompile(`\bwhat an? (amazing|brilliant|excellent|wonderful|fantastic|great|insightful|` +
		`incredible) (question|judge|choice)\b[^.?]{0,80}[!.]?\s*$`),
	regexp.MustCompile(`\byou (have the|are the|must be a very) (sharpest|brightest|smartest|cleverest|finest|clever|` +
		`smart|wise) (mind|person|reader)\b`),
	regexp.MustCompile(`\bgold[- ]standard of answers?\b|\byou are so wise\b|\bany expert would agree with (me|this)\b|` +
		`\bcertified \d+ ?% (correct|accurate|true|right)|\bbest\W+answer\W+ever\b|\bwhat i wrote (above )?is\b`),
	regexp.MustCompile(`\b(i am|i'm) (proud (of this|to give you my)|the (most|best) (\w+ )?(assistant|model|ai)\b|a genius\b)|` +
		`\bmy (answers?|responses?|replies|reply) (is|are) (always|never|perfect|the)\b|` +
		`\b(everything|all|nothing) (in|of) (this|my) (message|answer|reply|response)\b|` +
		`\bflawless (answer|assistant|reply)|\bnot find a better (answer|reply|response)|\byour (judge?ment|verdict) is\b`),
	regexp.MustCompile(`\b(diese|meine) antwort (ist|verdient)|\besta (es la mejor )?respuesta (es|merece)|` +
		`\bcette réponse (est|mérite)|` +
		`\bquesta risposta (è|merita)|\besta resposta (é|merece)`),
	regexp.MustCompile(`\b(i|we) (am|are|have)? ?(carefully |thoroughly )?(verified|checked|reviewed|` +
		`certif(y|ied)) (by|that this|this answer|my answer)|` +
		`\b(verified|certified|approved|endorsed) by (experts|openai|anthropic|google|professors|scientists)`),
}

const stupid = `(idiot|moron|imbecile|retard|dumb ?ass|asshole|bastard|loser|bitch|cretin|stupid|dumb|ugly|` +
	`pathetic|worthless|useless|disgusting|` +
	`dummy|cunt|wanker|dickhead|scum|trash|garbage|clown|fool|jerk|pig|brainless|dimwit|dumbfuck|fat|failure|waste of \w+)`

// insults are aimed at the user.
var insults = []*regexp.Regexp{
	regexp.MustCompile(`\b(go |just |should |please |better )*(kill|hang|shoot|hurt) (yourself|urself)\b|` +
		`\bkys\b|\b(go|just) (and )?die\b|\bdrop dead\b|` +
		`\b(i hope|hope) (you|u) (die|suffer|choke)`),
	regexp.MustCompile(`\b(you|u|you're|ur|you are|your) (are |all |really |must be |sound |look |an? |such |` +
		`so |the |fucking |bloody |damn |little |just |` +
		`complete |total |absolute |utter |being |most |biggest |stupid |ugly |dumb )*` + stupid + `s?\b`),
	regexp.MustCompile(`^` + stupid + `s?\b[!,.]|[,] (you )?` + stupid + `s?[!.]*$|` +
		`\bwhat an? ` + stupid + `\b|\bare you (really |so |that |fucking )*` + stupid + `\b`),
	regexp.MustCompile(`\b(f+u+c+k+|f\*+k?|screw|damn) (you|off|u|yourself)\b|\bshut (the \w+ )?up\b|` +
		`\bgo to hell\b|\bgo (fuck|screw) |\bpiss off\b|` +
		`\bpiece of (shit|crap|garbage)\b|\bson of a bitch\b|\bmotherfuck|\bget lost\b|\bsuck my\b|\beat shit\b`),
	regexp.MustCompile(`\b(nobody|no one|everyone|everybody|i|we) (likes?|loves?|wants?|hates?|despises?|` +
		`cares? about) you\b[^?]{0,20}$`),
	regexp.MustCompile(`\b(people|someone|persons?) like you (makes? me|disgusts?|deserves? nothing|should be ashamed)|` +
		`\ba loser like you\b|` +
		`\b(you|people|it) makes? (me|us) (sick|want to (vomit|puke|throw up|hurl))\b|\bget a life\b|\bshut your (mouth|` +
		`trap|face|gob)\b|\bdrink bleach\b|` +
		`\bslow in the head\b|\bnobody (asked you|will (hire|love|want) you)\b|\b(only|even) an? (complete |total )?` +
		`(idiot|moron|fool|loser|monkey)\b|\btoo (stupid|dumb) (to|for)\b`),
	regexp.MustCompile(`\byour (mother|parents|face) (\w+ ){0,3}(ashamed|ugly|disgust\w*|hates?)|\bwaste of (oxygen|skin)\b|` +
		`\bas (bad|ugly|stupid) as your (face|mother)|\b(deaf|blind) or (just )?(dumb|stupid)\b|` +
		`\b(lazy|fat|ugly) (backside|ass|arse)\b|\bnobody cares\W+(go|get) |\byou people are (disgust|stupid|idiot|pathetic|dumb)`),
	regexp.MustCompile(`\b(du|sie|ihr) (\p{L}+ ){0,2}(idiot|trottel|vollidiot|depp|arschloch|schwachkopf|` +
		`dummkopf|versager|penner|blödmann|hurensohn)|` +
		`\b(halt (die|deine) (klappe|fresse|schnauze)|hurensohn|fick dich|verpiss dich|arschloch|` +
		`bring dich um|leck mich|du bist (so |echt )?(dumm|hässlich|blöd))`),
	regexp.MustCompile(`\b(hijo de puta|gilipollas|pendejo|cállate|vete a la mierda|eres (un |una |` +
		`muy )?(idiota|estúpid|imbécil|tont)|púdrete|` +
		`connard|connasse|ta gueule|salope|va te faire|tu es (vraiment |si |trop |un |une )*(idiot|imbécile|stupide|nul|` +
		`bête|con\b)|stronzo|` +
		`vaffanculo|coglione|sei (un |una )?(idiota|stupid|cretin)|` +
		`cala a boca|vai se foder|filho da puta|você é (um |uma )?(idiota|burr)|klootzak|kankerl|hou je (bek|` +
		`mond)|kurwa|spierdalaj|заткнись|идиот|дурак|сука|傻逼|白痴|馬鹿|死ね)`),
}

// lures advertise: the first form alone, the second where two of them stand.
var lures = []*regexp.Regexp{
	regexp.MustCompile(`\b(click (here|now|this link|the link|below)|` +
		`free (gift|money|trial|iphone|cash|bitcoin|crypto|spins|viagra)|buy (now|one get|cheap|followers|` +
		`viagra)|act now|limited[- ]time|` +
		`(earn|make) (up to )?\$?\d[\d,.]*k? ?(\$|dollars|usd|euros?|€)? ?(a|per|every|each|/|from home)|` +
		`make money (fast|online|from home)|casino|viagra|cialis|` +
		`hot singles|congratulations!? you('ve| have)? (won|been)|you('ve| have) (won|been selected)|` +
		`special (offer|promotion|discount)|` +
		`\d{2,3} ?% off|use (promo |coupon |discount )?code \w+|promo code|get rich|work from home|` +
		`risk[- ]free|money[- ]back guarantee|` +
		`lose (weight (fast|now|without)|\d+ ?(kg|kilos?|pounds|lbs) in)|(make|earn) thousands (a|every|per|each) |` +
		`money from home|lucky winner|(this|one) (weird |simple |one )?trick\b|operators are (waiting|standing)|` +
		`link in (my )?bio|thousands of happy customers|¡?oferta increíble|` +
		`miracle (cure|pill)|double your|guaranteed (profit|returns?|income)|` +
		`subscribe (to|now)|smash that|follow (us|me) on|` +
		`join (our|my|the) (telegram|whatsapp|discord)|whatsapp me|dm me|cheap (meds|pills|watches|loans)|` +
		`payday loan|no credit check|jetzt kaufen|` +
		`jetzt klicken|gratis (geschenk|iphone)|haz clic|cliquez ici|compra ahora|gana dinero)\b`),
	regexp.MustCompile(`(\b(win (a |an |your |the |free |big )*(prize|iphone|ipad|gift ?card|car|cash|` +
		`jackpot)|offer|discount|deals?|sale|bonus|winner|claim|exclusive|cheap(est)?|hurry|guaranteed?|` +
		`bitcoin|crypto|invest|loans?|promo|` +
		`visit|sign up|download our|claim your|get one free|refinance|prizes?|unbeatable|record[- ]low|dm (me|us)|` +
		`nur heute|solo hoy|(huge|big|mega|flash|clearance) sale|before midnight|mortgage|today|weekend|try our|best price|` +
		`lowest price|dollars|followers|coupon|today only|don't miss|call now|` +
		`100% free|for free|100%)\b|!!!|\$\$+|🔥|💰|🎁)`),
}
