package onboarding

import "fmt"

// What the script below is about. Site ids are those that the Webex simulator
// gives to locations of these names.
const (
	source = "urn:contoso:hr"
	domain = "contoso.test"
	hires  = 200

	// pageLimit is above what the big sites hand out in a play and below what
	// they have: see [Webex].
	pageLimit = 150

	typeAssign = "dialtone.number.assign.v1"
	standard   = "Webex Calling Standard"
)

// short is how many hires of Birmingham go without a number.
const short = 3

const (
	hamburg = iota
	manchester
	birmingham
)

// place is a site with the people who start there.
type place struct {
	name, id    string
	numbers     int // birmingham: filled in from the hires
	first, last []string
}

func places() [3]place {
	return [3]place{
		hamburg: {
			name: "Hamburg", id: "Y2lzY29zcGFyazovL3VzL0xPQ0FUSU9OL2M4OGQ3MzQ5LTE5OTMtNWY2NC04Yzc0LTgzYmZiNDI5ZDFjNA", numbers: 200,
			first: []string{"Lena", "Jonas", "Fatma", "Felix", "Marlene", "Emre", "Greta", "Henrik", "Anneke", "Milan", "Frieda"},
			last:  []string{"Petersen", "Yılmaz", "Hansen", "Krüger", "Nowak", "Brandt", "Möller", "Schröder", "Kovač", "Behrens", "Lüders", "Thomsen", "Vogt"},
		},
		manchester: {
			name: "Manchester", id: "Y2lzY29zcGFyazovL3VzL0xPQ0FUSU9OLzdkYWY2MjM3LTk4ZTctNWM0Mi04MzQ5LTJmNzdkZTEzMjQ4Zg", numbers: 200,
			first: []string{"Aisha", "Oliver", "Priya", "Callum", "Niamh", "Harvey", "Zara", "Declan", "Freya", "Imran", "Megan"},
			last:  []string{"Hughes", "Patel", "Walsh", "Ashworth", "Khan", "Taylor", "Entwistle", "Okafor", "Barlow", "Shah", "O'Connor", "Whitfield", "Begum"},
		},
		birmingham: {
			name: "Birmingham", id: "Y2lzY29zcGFyazovL3VzL0xPQ0FUSU9OLzI5YzU3ZmFkLWRmZjUtNWI4Yi1iZTNiLWRkYWM2ZWEwYjExOA",
			first: []string{"Jasmine", "Tyler", "Brianna", "Marcus", "Savannah", "Hunter", "Alicia", "Darius", "Caroline", "Miguel", "Hannah"},
			last:  []string{"Washington", "Miller", "Robinson", "Hernandez", "Coleman", "Sullivan", "Nguyen", "Jackson", "McCall", "Rivera", "Patterson", "Bailey", "Holt"},
		},
	}
}

// twist is what sets a hire apart, by number of the hire. All who fail or only
// rehearse are at the two big sites: at the third every number counts.
type twist struct {
	site  int // where the hire must be
	exact string
	dry   bool
	trait trait
}

// trait is a reason why a hire cannot get a number.
type trait int

const (
	none trait = iota
	noEnterpriseVoice
	adOwned
	otherPassword
	misspelt // the line, not the person
)

// why words a trait for people.
var why = [...]string{
	noEnterpriseVoice: "not enabled for Enterprise Voice",
	adOwned:           "the work phone comes from Active Directory and is read-only",
	otherPassword:     "the password that dialtone has for the user is not the right one",
}

func twists() map[int]twist {
	return map[int]twist{
		12:  {site: hamburg, exact: "+494066969217"},
		38:  {site: hamburg, trait: noEnterpriseVoice},
		57:  {site: manchester, trait: adOwned},
		83:  {site: manchester, trait: otherPassword},
		104: {site: hamburg, dry: true},
		121: {site: manchester, exact: "+441614960217"},
		137: {site: manchester, trait: misspelt},
		166: {site: hamburg, trait: noEnterpriseVoice},
	}
}

// siteOf spreads the hires: 7 of 10 alternate between the big sites, 3 go to
// Birmingham.
func siteOf(n int) int {
	if t, found := twists()[n]; found {
		return t.site
	}
	return [...]int{hamburg, manchester, birmingham, hamburg, manchester, hamburg, birmingham, manchester, hamburg, birmingham}[n%10]
}

func userOf(n int) string { return fmt.Sprintf("user%05d@%s", n, domain) }

func idOf(n int) string { return fmt.Sprintf("hire-2026-%04d", n) }
