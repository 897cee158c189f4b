// Boost.JSON is used without its library; its one definition stands here, for all layers.
#include <boost/json/src.hpp>
