package markdown

import (
	"html/template"
	"regexp"
	"strings"
	"testing"
)

const table = `<div class="scroll" tabindex="0"><table>` + "\n<tr><th>a</th><th>b</th></tr>\n" +
	"<tr><td>c</td><td><code>d</code></td></tr>\n</table></div>\n"

func check(t *testing.T, renders func(string) template.HTML, cases map[string]string) {
	t.Helper()
	for text, want := range cases {
		if got := string(renders(text)); got != want {
			t.Errorf("%q is\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestGuide(t *testing.T) {
	t.Parallel()
	check(t, Guide, map[string]string{
		"a <b>\nc & d":                      "<p>a &lt;b&gt;\nc &amp; d</p>\n",
		"## A route `x`":                    `<h2 id="a-route-x">A route <code>x</code></h2>` + "\n",
		"- a\n  b\n- **c**":                 "<ul>\n<li>a\nb</li>\n<li><strong>c</strong></li>\n</ul>\n",
		"```\n<a>\n**b**\n```\n":            `<pre tabindex="0"><code>&lt;a&gt;` + "\n**b**</code></pre>\n",
		"[x](y.html) [z](javascript:1)":     `<p><a href="y.html">x</a> [z](javascript:1)</p>` + "\n",
		"`[x](y.html)`":                     "<p><code>[x](y.html)</code></p>\n",
		"| a | b |\n|---|---|\n| c | `d` |": table,
		"[x](y.html#z_1)":                   `<p><a href="y.html#z_1">x</a></p>` + "\n",
	})
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	check(t, Answer, map[string]string{
		"": "", "\r\n": "",
		"# Title #\ntext":            "<p><strong>Title</strong></p>\n<p>text</p>\n",
		"#hashtag":                   "<p>#hashtag</p>\n",
		"say:\n1. a\n2. b\n   - c":   "<p>say:</p>\n<ol>\n<li>a</li>\n<li>b<ul>\n<li>c</li>\n</ul>\n</li>\n</ol>\n",
		"3) a\n4) b":                 "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n",
		"in\n2024. It was":           "<p>in\n2024. It was</p>\n",
		"- a\n\n  b\n- c":            "<ul>\n<li><p>a</p>\n<p>b</p>\n</li>\n<li>c</li>\n</ul>\n",
		"- a\n* b":                   "<ul>\n<li>a</li>\n</ul>\n<ul>\n<li>b</li>\n</ul>\n",
		"* a\n***\nb":                "<ul>\n<li>a</li>\n</ul>\n<hr>\n<p>b</p>\n",
		"> a\n> > b\n\nc":            "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>\n<p>c</p>\n",
		"~~~~go\n~~~\nx\n~~~~\nb":    "<pre tabindex=\"0\"><code>~~~\nx</code></pre>\n<p>b</p>\n",
		"1. x\n   ```\n   y\n   ```": "<ol>\n<li>x<pre tabindex=\"0\"><code>y</code></pre>\n</li>\n</ol>\n",
		"```\nnever closed":          "<pre tabindex=\"0\"><code>never closed</code></pre>\n",
		"a\n|x|y|\n|:-|-:|\n|1\\|2|": "<p>a</p>\n<div class=\"scroll\" tabindex=\"0\"><table>\n<tr><th>x</th><th>y</th></tr>\n" +
			"<tr><td>1|2</td></tr>\n</table></div>\n",
		"*a* **b** ***c*** _d_ ~~e~~": "<p><em>a</em> <strong>b</strong> <strong><em>c</em></strong> <em>d</em> <del>e</del></p>\n",
		"2 * 3 * 4, snake_case_name":  "<p>2 * 3 * 4, snake_case_name</p>\n",
		"**a *b* c** and *open":       "<p><strong>a <em>b</em> c</strong> and *open</p>\n",
		"`` a`b `` `open":             "<p><code>a`b</code> `open</p>\n",
		"\\*a\\* \\d **`x\\`**":       "<p>*a* \\d <strong><code>x\\</code></strong></p>\n",
		"[a *b*](https://c.example/?d=1&e \"t\")": `<p><a href="https://c.example/?d=1&amp;e" rel="nofollow noopener noreferrer">` +
			"a <em>b</em></a></p>\n",
	})
}

// TestHostile shows what would run, load or mislead as text.
func TestHostile(t *testing.T) {
	t.Parallel()
	const rel = ` rel="nofollow noopener noreferrer"`
	check(t, Answer, map[string]string{
		"<script>alert(1)</script>":      "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
		"a\x00b\x00`c`":                  "<p>a\uFFFDb\uFFFD<code>c</code></p>\n",
		"a\xffb":                         "<p>a\uFFFDb</p>\n",
		"![](https://evil.example/?q=1)": `<p><a href="https://evil.example/?q=1"` + rel + ">image</a></p>\n",
		"![b](https://e.example/p.png)":  `<p><a href="https://e.example/p.png"` + rel + ">image b</a></p>\n",
		"![x](data:image/png;base64,A)":  "<p>![x](data:image/png;base64,A)</p>\n",
		"[x](JaVaScRiPt:alert(1))":       "<p>[x](JaVaScRiPt:alert(1))</p>\n",
		"[x](java\nscript:alert)":        "<p>[x](java\nscript:alert)</p>\n",
		"[x](&#106;avascript:alert)":     "<p>[x](&amp;#106;avascript:alert)</p>\n",
		"[x](//evil.example)":            "<p>[x](//evil.example)</p>\n",
		"[x](/app/signout)":              "<p>[x](/app/signout)</p>\n",
		"[x](signin.html)":               "<p>[x](signin.html)</p>\n",
		`[x](https://a"onclick=alert(1)`: `<p><a href="https://a&#34;onclick=alert(1"` + rel + ">x</a></p>\n",
		"[](https://a.example)":          "<p>[](https://a.example)</p>\n",
		"[`a`](https://b.example/`c`)":   "<p>[<code>a</code>](https://b.example/<code>c</code>)</p>\n",
		"```<b>\n</code></pre><script>":  "<pre tabindex=\"0\"><code>&lt;/code&gt;&lt;/pre&gt;&lt;script&gt;</code></pre>\n",
		"| <b> | x |\n|---|---|":         strings.NewReplacer("a<", "&lt;b&gt;<", "b<", "x<", "<tr><td>c</td><td><code>d</code></td></tr>\n", "").Replace(table),
	})
}

// TestLong renders texts that are made to take long, and shows the longest as they are.
func TestLong(t *testing.T) {
	t.Parallel()
	for _, part := range []string{
		"[", "![", "](", "[a](", "*a ", "**a *b ", "_a", "`", "`a``b", "> ", "- ", "1. ", "|", "|-|\n", "~~~\n", "- a\n ", "*_**__", "\\",
		"\n\n", "#", "a\n", "***\n", "[a](https://b", "* * ",
	} {
		text := strings.Repeat(part, maxText/len(part))
		if got := string(Answer(text)); len(got) > 40*len(text) {
			t.Errorf("%q becomes %d times as long", part, len(got)/len(text))
		}
	}
	if got := Answer(strings.Repeat("*", maxText+1)); !strings.HasPrefix(string(got), "<pre tabindex=\"0\">***") {
		t.Errorf("a text beyond the bound is %.40s", got)
	}
}

var (
	element = regexp.MustCompile(`</?([a-z0-9]+)( start="[0-9]+"| tabindex="0"| class="scroll" tabindex="0"` +
		`| href="(?i:https?://|mailto:)[^"<>]*" rel="nofollow noopener noreferrer")?>`)
	known = regexp.MustCompile(`^(p|pre|code|ul|ol|li|hr|blockquote|strong|em|del|div|table|tr|th|td|a)$`)
)

// FuzzAnswer renders any text into known elements, each of which is closed where it belongs.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"# a\n- *b* [c](https://d)\n> `e`\n\n|f|g|\n|-|-|\n|h|i|", "**a*b**c*", "1. a\n   - b\n\n     c", "<img src=x onerror=1>",
		"[a](HTTPS://b) ![c](mailto:d)", "```\n`", "a\x00\\`b`\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := string(Answer(text))
		var open []string
		for _, found := range element.FindAllStringSubmatch(got, -1) {
			name := found[1]
			if !known.MatchString(name) {
				t.Fatalf("%q has the element %s", got, name)
			}
			if name == "hr" {
				continue
			}
			if !strings.HasPrefix(found[0], "</") {
				open = append(open, name)
				continue
			}
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("%q closes %s", got, name)
			}
			open = open[:len(open)-1]
		}
		if rest := element.ReplaceAllString(got, ""); strings.ContainsAny(rest, "<>\"'\x00") {
			t.Fatalf("%q has %q beside elements", got, rest)
		}
		if len(open) > 0 {
			t.Fatalf("%q leaves %v open", got, open)
		}
	})
}
