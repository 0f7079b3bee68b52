package listing

import "strings"

// longestMonth bounds the words that are looked up as months, in bytes.
const longestMonth = 16

// monthOf reads the name of a month as ls abbreviates it, in English and in the languages in which servers
// have been seen to print it, or as a number with the word for month. Case does not matter for ASCII letters.
func monthOf(word string) (month int, ok bool) {
	if len(word) > longestMonth {
		return 0, false
	}
	var buf [longestMonth]byte
	for i := range len(word) {
		buf[i] = lower(word[i])
	}
	name := strings.TrimSuffix(string(buf[:len(word)]), ".")
	if month = englishMonth(name); month == 0 {
		month = localMonth(name)
	}
	if month != 0 {
		return month, true
	}
	for _, suffix := range [...]string{"月", "월"} {
		if digits, found := strings.CutSuffix(name, suffix); found {
			return number(digits, 1, 12)
		}
	}
	return 0, false
}

func englishMonth(name string) int {
	switch name {
	case "jan":
		return 1
	case "feb":
		return 2
	case "mar":
		return 3
	case "apr":
		return 4
	case "may":
		return 5
	case "jun":
		return 6
	case "jul":
		return 7
	case "aug":
		return 8
	case "sep", "sept":
		return 9
	case "oct":
		return 10
	case "nov":
		return 11
	case "dec":
		return 12
	}
	return 0
}

// localMonth knows the months of German, French, Spanish, Italian, Portuguese, Dutch, the Scandinavian
// languages, Polish and Russian where they differ from English. Letters beyond ASCII are known in UTF-8 and
// in Latin-1.
func localMonth(name string) int {
	switch name {
	case "jän", "j\xe4n", "janv", "ene", "gen", "sty", "янв":
		return 1
	case "fév", "févr", "f\xe9v", "f\xe9vr", "fev", "lut", "фев":
		return 2
	case "mär", "m\xe4r", "märz", "m\xe4rz", "mars", "mrt", "мар", "марта":
		return 3
	case "avr", "avril", "abr", "kwi", "апр":
		return 4
	case "mai", "mag", "mei", "maj", "май", "мая":
		return 5
	case "juin", "giu", "cze", "июн", "июня":
		return 6
	case "juil", "lug", "lip", "июл", "июля":
		return 7
	case "août", "ao\xfbt", "aoû", "ao\xfb", "ago", "sie", "авг":
		return 8
	case "set", "wrz", "сен":
		return 9
	case "okt", "out", "ott", "paź", "pa\xbc", "окт":
		return 10
	case "lis", "ноя":
		return 11
	case "dez", "déc", "d\xe9c", "dic", "des", "gru", "дек":
		return 12
	}
	return 0
}
