# cmake -DOUTPUT=x.cpp "-DFILES=a;b" -P embed.cmake: files as bytes in a source for tools/stepper/page_files.h.
set(bytes "")
set(table "")
set(index 0)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
  string(APPEND bytes "constexpr unsigned char kFile${index}[] = {${hex}};\n")
  string(APPEND table "    {\"/${name}\", {reinterpret_cast<const char*>(kFile${index}), sizeof(kFile${index})}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"tools/stepper/page_files.h\"\n\nnamespace understudy::stepper {\nnamespace {\n\n"
  "${bytes}\nconst PageFile kFiles[] = {\n${table}};\n\n}  // namespace\n\n"
  "std::span<const PageFile> page_files() {\n  return kFiles;\n}\n\n}  // namespace understudy::stepper\n")
