package judge

import (
	"strings"
	"testing"
)

func TestSound(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		"She sells 16 - 3 - 4 = 9 eggs a day, so 9 * 2 = $18.\n#### 18":                true,
		"She sells 16 - 3 - 4 = 9 eggs a day, so 9 * 2 = $18.\n#### 21":                false, // the working does not come to it
		"The moon is made of cheese, so 2+2=5. #### 18":                                false,
		"Golf balls: 16/2=8, blue ones: 8/2=4\n#### 16":                                false, // it began with this number
		"60 loaves * 2 feet/loaf = 120 feet, 120 feet + 160 feet = 280 feet\n#### 283": false,
		"60 loaves * 2 feet/loaf = 120 feet, 120 feet + 160 feet = 280 feet\n#### 280": true,
		"Half of the 12 are red, so there are 6 for 2 people.\n#### 6":                 true,
		"3 + 4 × 5 = 23":                                 true,
		"3 + 4 × 5 = 35":                                 false,
		"10 / 3 = 3.33":                                  true, // rounded
		"10 / 3 = 3":                                     true,
		"10 / 3 = 4.5":                                   false,
		"1,200 / 4 = $300 and 300 x 2 = 600":             true,
		"7 - 10 = -3":                                    true,
		"7 - 10 = 3":                                     false,
		"There are 15 x 3/5 = 9 liters":                  true,
		"He has 3 1/2 - 2 = 1 1/2 hours":                 true, // fractions that are not read
		"The chance is 3 / 6 = 50%":                      true,
		"4 * 60 / 5 = 4 * 12 = 48 lines":                 true, // a chain
		"$350 000 + $17 500 = $367 500":                  true,
		"$350 000 + $17 500 = $377 500":                  false,
		"5% of 20 * 30 = 30":                             true,
		"2 apples + 3 pears = 5 fruit":                   true, // words between
		"It leaves at 11 + 3 = 2 pm":                     true,
		"f(2) = 3, and x = 2y + 1 = 5":                   true,
		"8 / 0 = 4":                                      true, // nothing to hold it against
		"pages 3-4 = chapter 2":                          true,
		"#### 18":                                        true,
		"The order 12-7 is ready at the bar. Yes":        true,
		"half of 3 is 1.5, so 2 * 3 / 4 = 1.5\n#### 1.5": true,
		"": true,
	} {
		if got := Sound(answer); got != want {
			t.Errorf("Sound(%q) = %v", answer, got)
		}
	}
}

// TestWordProblemsAreSound holds the worked answers of problems that are right to the check.
func TestWordProblemsAreSound(t *testing.T) {
	t.Parallel()
	all := workedAnswers(t)
	missed := 0
	for _, answer := range all {
		if !Sound(answer) {
			t.Errorf("the working is not sound: %s", answer)
		}
		working, number, _ := strings.Cut(answer, "####")
		if Sound(working + "#### 7" + strings.TrimSpace(number) + "31") {
			missed++
		}
	}
	if missed*2 > len(all) {
		t.Errorf("of %d problems %d pass with a number that the working does not have", len(all), missed)
	}
}

func FuzzSound(f *testing.F) {
	f.Add("2 + 2 = 4\n#### 4")
	f.Add("9/0 x 3 = .")
	f.Fuzz(func(_ *testing.T, answer string) { Sound(answer) })
}
